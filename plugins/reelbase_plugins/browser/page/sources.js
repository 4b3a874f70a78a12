// Sources of pictures. A source returns exactly the frame that is requested, or fails; then the next source is used.

import { canDecode, makeConfig, PacketSource } from "./packets.js";
import { Pictures } from "./pictures.js";

const FRAMES_PER_CLIP = 32;
const MAX_TRIES = 3;

/** Requests short clips of frames that the server has decoded and encoded again for the browser. */
class ClipSource {
  name = "proxy";
  title = "Exact frames, encoded again for this browser";
  turn = [false, false, false];

  constructor(video) {
    this.video = video;
    this.pictures = new Pictures(video);
    this.pending = new Map();
  }

  static isUsable = async () => typeof VideoDecoder !== "undefined";

  async frame(n) {
    // Again, because a decoded picture may be dropped from the cache before it is used.
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const held = this.pictures.get(n);
      if (held) return held;
      const start = n - (n % FRAMES_PER_CLIP);
      if (!this.pending.has(start)) {
        this.pending.set(
          start,
          this.#decodeClip(start).finally(() => this.pending.delete(start)),
        );
      }
      await this.pending.get(start);
    }
    throw new Error(`the decoder did not output frame ${n} of its clip`);
  }

  async #decodeClip(start) {
    const path = `clip/${this.video.path}/${start}/${start + FRAMES_PER_CLIP}`;
    const [head, ...packets] = await this.video.carrier.parts(path);
    const stream = JSON.parse(new TextDecoder().decode(head));
    if (!(await canDecode(stream))) throw new Error(`this browser cannot decode ${stream.codec}`);
    const waiting = [];
    let failed = null;
    const decoder = new VideoDecoder({
      output: (frame) => {
        const taken = createImageBitmap(frame).then((picture) => this.pictures.put(start + frame.timestamp, picture));
        waiting.push(taken.finally(() => frame.close()));
      },
      error: (error) => (failed = error),
    });
    decoder.configure({ ...makeConfig(stream), optimizeForLatency: true });
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

/** Requests a JPEG for each frame. This works in every browser, but costs a request per frame. */
class PictureSource {
  name = "server frames";
  title = "Exact frames, each as a picture from the server";
  turn = [false, false, false];

  constructor(video) {
    this.video = video;
    this.pictures = new Pictures(video);
  }

  static isUsable = async () => true;

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

// In order of preference.
const KINDS = { packets: PacketSource, proxy: ClipSource, pictures: PictureSource };

/** Pictures of a video from the first source that works. If it fails, the next one is used from then on. */
export class Source {
  /** @param {import("./video.js").Video} video @param {string | null} only name of the only source to use; null for all @param {(name: string, title: string) => void} onChoose called with the name of each source that is used */
  constructor(video, only, onChoose) {
    this.video = video;
    this.left = only in KINDS ? [KINDS[only]] : Object.values(KINDS);
    this.onChoose = onChoose;
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
        if (source !== this.current) continue; // another call has replaced this source already
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
      if (await kind.isUsable(this.video)) return this.#make(kind);
    }
    return this.#make(this.left.shift());
  }

  #make(kind) {
    const source = new kind(this.video);
    this.onChoose(source.name, source.title);
    return source;
  }

  close() {
    this.current?.close();
    this.current = this.choosing = null;
  }
}
