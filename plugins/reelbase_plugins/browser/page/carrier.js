// Carriers send the page's requests: over HTTP in a browser, over the widget's channel in a notebook.

/**
 * @typedef {object} Carrier
 * @property {(path: string) => Promise<any>} json
 * @property {(path: string) => Promise<Uint8Array[]>} parts
 * @property {(path: string) => Promise<Blob>} blob
 * @property {(picture: HTMLImageElement, path: string) => void} show loads a picture into an element
 * @property {((path: string) => string)=} media returns the address of a file for the browser's own player; only over HTTP
 */

export class HttpCarrier {
  /** @param {string} base URL of the requests, with a slash at its end */
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
    const refusal = await reply.json().catch(() => ({ error: reply.statusText }));
    throw new Error(refusal.error);
  }

  /** @param {string} path */
  async json(path) {
    return (await this.#ask(path)).json();
  }

  /** @param {string} path */
  async blob(path) {
    return (await this.#ask(path)).blob();
  }

  /** Request an answer that `_join_parts` in routes.py has made. @param {string} path */
  async parts(path) {
    return splitParts(await (await this.#ask(path)).arrayBuffer());
  }
}

/** Sends requests over the channel between a widget and its kernel. A request has an id, which its answer repeats. */
export class CommCarrier {
  constructor(model) {
    this.model = model;
    this.pending = new Map();
    this.count = 0;
    model.on("msg:custom", (message, buffers) => this.#take(message, buffers));
  }

  #take({ id, error, last }, [view]) {
    const request = this.pending.get(id);
    if (!request) return; // the answer is for another view of the same widget
    if (view) request.pieces.push(view); // an answer comes in several messages, as proxies refuse large ones
    if (!error && !last) return;
    this.pending.delete(id);
    if (error) request.fail(new Error(error));
    else new Blob(request.pieces).arrayBuffer().then(request.done);
  }

  /** @param {string} path @returns {Promise<ArrayBuffer>} */
  #ask(path) {
    return new Promise((done, fail) => {
      const id = `${++this.count}-${Math.random()}`; // random, because all views of a widget share the channel
      this.pending.set(id, { done, fail, pieces: [] });
      this.model.send({ id, path });
    });
  }

  /** @param {string} path */
  async json(path) {
    return JSON.parse(new TextDecoder().decode(await this.#ask(path)));
  }

  /** @param {string} path */
  async parts(path) {
    return splitParts(await this.#ask(path));
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

/** Split the parts of an answer: their number, their sizes (uint32), then the parts. @param {ArrayBuffer} buffer @returns {Uint8Array[]} */
export function splitParts(buffer) {
  const view = new DataView(buffer);
  const count = view.getUint32(0, true);
  let end = 4 * (1 + count);
  return Array.from({ length: count }, (_, k) => {
    const size = view.getUint32(4 * (1 + k), true);
    end += size;
    return new Uint8Array(buffer, end - size, size);
  });
}
