// How the page asks: one interface, so that a notebook can carry the same questions over its own channel.

/**
 * @typedef {object} Carrier
 * @property {(path: string) => Promise<any>} json
 * @property {(path: string) => Promise<Uint8Array[]>} parts
 * @property {(path: string) => Promise<Blob>} blob
 * @property {(picture: HTMLImageElement, path: string) => void} show puts a picture into the page
 * @property {((path: string) => string)=} media the address of a file for the browser's own player, where there is one
 */

export class HttpCarrier {
  /** @param {string} base ends with a slash */
  constructor(base) {
    this.base = base;
  }

  /** @param {string} path */
  media(path) {
    return this.base + path;
  }

  show(picture, path) {
    picture.src = this.base + path;
  }

  /** @param {string} path */
  async #ask(path) {
    const reply = await fetch(this.base + path);
    if (reply.ok) return reply;
    const told = await reply.json().catch(() => ({ error: reply.statusText }));
    throw new Error(told.error);
  }

  /** @param {string} path */
  async json(path) {
    return (await this.#ask(path)).json();
  }

  /** @param {string} path */
  async blob(path) {
    return (await this.#ask(path)).blob();
  }

  /** What `_framed` in answers.py makes. @param {string} path */
  async parts(path) {
    return unframed(await (await this.#ask(path)).arrayBuffer());
  }
}

/** Over the channel between a widget and its kernel: a question has a number, and its answer the same. */
export class CommCarrier {
  constructor(model) {
    this.model = model;
    this.asked = new Map();
    this.count = 0;
    model.on("msg:custom", (told, buffers) => this.#take(told, buffers));
  }

  #take({ id, error, last }, [view]) {
    const waiting = this.asked.get(id);
    if (!waiting) return; // another view of the same widget asked
    if (view) waiting.pieces.push(view);
    if (!error && !last) return;
    this.asked.delete(id);
    if (error) waiting.fail(new Error(error));
    else new Blob(waiting.pieces).arrayBuffer().then(waiting.done);
  }

  /** @param {string} path @returns {Promise<ArrayBuffer>} */
  #ask(path) {
    return new Promise((done, fail) => {
      const id = `${++this.count}-${Math.random()}`;
      this.asked.set(id, { done, fail, pieces: [] });
      this.model.send({ id, path });
    });
  }

  /** @param {string} path */
  async json(path) {
    return JSON.parse(new TextDecoder().decode(await this.#ask(path)));
  }

  /** @param {string} path */
  async parts(path) {
    return unframed(await this.#ask(path));
  }

  /** @param {string} path */
  async blob(path) {
    return new Blob([await this.#ask(path)], { type: "image/jpeg" });
  }

  async show(picture, path) {
    picture.src = URL.createObjectURL(await this.blob(path));
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src), { once: true });
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
