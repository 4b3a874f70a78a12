// Where pictures come from. Each source gives exactly the frame that is asked for, or fails; the next one is tried then.

import { configOf, decodes, PacketSource } from "./packets.js";
import { Pictures } from "./pictures.js";

const CLIP = 32; // frames of one proxy clip

/** Frames that the server decoded, and encoded anew, a few at a time. */
class ClipSource {
  name = "proxy";
  title = "Exact frames, encoded anew for this browser";
  turn = [false, false, false];

  constructor(video) {
    this.video = video;
    this.pictures = new Pictures(video);
    this.coming = new Map();
  }

  static works = async () => typeof VideoDecoder !== "undefined";

  async frame(n) {
    for (let attempt = 0; attempt < 3; attempt++) {
      const held = this.pictures.get(n);
      if (held) return held;
      const start = n - (n % CLIP);
      if (!this.coming.has(start)) this.coming.set(start, this.#clip(start).finally(() => this.coming.delete(start)));
      await this.coming.get(start);
    }
    throw new Error(`frame ${n} did not come out of its clip`);
  }

  async #clip(start) {
    const [head, ...packets] = await this.video.carrier.parts(`clip/${this.video.path}/${start}/${start + CLIP}`);
    const stream = JSON.parse(new TextDecoder().decode(head));
    if (!(await decodes(stream))) throw new Error(`this browser does not decode ${stream.codec}`);
    const waiting = [];
    let failed = null;
    const decoder = new VideoDecoder({
      output: (frame) => {
        const taken = createImageBitmap(frame).then((picture) => this.pictures.put(start + frame.timestamp, picture));
        waiting.push(taken.finally(() => frame.close()));
      },
      error: (error) => (failed = error),
    });
    decoder.configure({ ...configOf(stream), optimizeForLatency: true });
    packets.forEach((data, k) =>
      decoder.decode(new EncodedVideoChunk({ type: k ? "delta" : "key", timestamp: k, data })),
    );
    await decoder.flush();
    await Promise.all(waiting);
    decoder.close();
    if (failed) throw failed;
  }

  close() {
    this.pictures.close();
  }
}

/** One picture a frame, made by the server. */
class PictureSource {
  name = "server frames";
  title = "Exact frames, each a picture made by the server";
  turn = [false, false, false];

  constructor(video) {
    this.video = video;
    this.pictures = new Pictures(video);
  }

  static works = async () => true;

  async frame(n) {
    const held = this.pictures.get(n);
    if (held) return held;
    const jpeg = await this.video.carrier.blob(`frame/${this.video.path}/${n}?width=${this.video.width}`);
    const picture = await createImageBitmap(jpeg);
    this.pictures.put(n, picture);
    return picture;
  }

  close() {
    this.pictures.close();
  }
}

const KINDS = { packets: PacketSource, proxy: ClipSource, pictures: PictureSource };

/** Pictures of a video, by the first way that works; when one fails, by the next. */
export class Source {
  /** @param {import("./video.js").Video} video @param {string | null} only the name of the one to use @param {(name: string, title: string) => void} told */
  constructor(video, only, told) {
    this.video = video;
    this.left = only in KINDS ? [KINDS[only]] : Object.values(KINDS);
    this.told = told;
    this.current = null;
  }

  /** @param {number} n @returns {Promise<{picture: ImageBitmap, turn: boolean[]}>} */
  async frame(n) {
    for (;;) {
      const source = await this.#source();
      try {
        const picture = await source.frame(n);
        return { picture, turn: source.turn };
      } catch (error) {
        if (source !== this.current) continue;
        if (!this.left.length) throw error;
        this.close();
      }
    }
  }

  async #source() {
    this.choosing ??= this.#choose();
    this.current = await this.choosing;
    return this.current;
  }

  async #choose() {
    while (this.left.length > 1) {
      const kind = this.left.shift();
      if (await kind.works(this.video)) return this.#made(kind);
    }
    return this.#made(this.left.shift());
  }

  #made(kind) {
    const made = new kind(this.video);
    this.told(made.name, made.title);
    return made;
  }

  close() {
    this.current?.close();
    this.current = this.choosing = null;
  }
}
