// How the page asks: one interface, so that a notebook can carry the same questions over its own channel.

/** @typedef {{json: (path: string) => Promise<any>, parts: (path: string) => Promise<Uint8Array[]>, url: (path: string) => string}} Carrier */

export class HttpCarrier {
  /** @param {string} base ends with a slash */
  constructor(base) {
    this.base = base;
  }

  /** @param {string} path */
  url(path) {
    return this.base + path;
  }

  /** @param {string} path */
  async #ask(path) {
    const reply = await fetch(this.url(path));
    if (reply.ok) return reply;
    const told = await reply.json().catch(() => ({ error: reply.statusText }));
    throw new Error(told.error);
  }

  /** @param {string} path */
  async json(path) {
    return (await this.#ask(path)).json();
  }

  /** What `_framed` in answers.py makes. @param {string} path */
  async parts(path) {
    return unframed(await (await this.#ask(path)).arrayBuffer());
  }
}

/** @param {ArrayBuffer} buffer @returns {Uint8Array[]} */
export function unframed(buffer) {
  const view = new DataView(buffer);
  const count = view.getUint32(0, true);
  let at = 4 * (1 + count);
  return Array.from({ length: count }, (_, k) => {
    const size = view.getUint32(4 * (1 + k), true);
    at += size;
    return new Uint8Array(buffer, at - size, size);
  });
}
