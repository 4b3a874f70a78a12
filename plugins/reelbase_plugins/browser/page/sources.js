// Where pictures come from. Each source gives exactly the frame that is asked for, or fails; the next one is tried then.

const BUDGET = 96 << 20; // bytes of pictures that are kept
const CHUNK = 60; // packets of one request
const CLIP = 32; // frames of one proxy clip
const AHEAD = 24; // packets that a decoder may want before it shows a frame
const FAR = 300; // packets to decode for one frame, at most: from further back the server does it

/** Pictures by frame number, those nearest to the last one asked for. */
class Pictures {
  constructor(video) {
    this.most = Math.max(12, Math.floor(BUDGET / (video.width * video.height * 4)));
    this.held = new Map();
    this.near = 0;
  }

  get(frame) {
    this.near = frame;
    return this.held.get(frame);
  }

  put(frame, picture) {
    this.held.get(frame)?.close();
    this.held.set(frame, picture);
    while (this.held.size > this.most) {
      let far = frame;
      for (const one of this.held.keys()) if (Math.abs(one - this.near) > Math.abs(far - this.near)) far = one;
      if (far === this.near) return;
      this.held.get(far).close();
      this.held.delete(far);
    }
  }

  close() {
    for (const one of this.held.values()) one.close();
    this.held.clear();
  }
}

/** @param {{codec: string, description: string, size: number[]}} stream */
function configOf(stream) {
  const config = { codec: stream.codec, codedWidth: stream.size[0], codedHeight: stream.size[1] };
  if (stream.description) config.description = Uint8Array.from(atob(stream.description), (c) => c.charCodeAt(0));
  return { ...config, hardwareAcceleration: "prefer-software" };
}

async function decodes(stream) {
  if (!stream || typeof VideoDecoder === "undefined") return false;
  try {
    return (await VideoDecoder.isConfigSupported(configOf(stream))).supported;
  } catch {
    return false;
  }
}

/** The packets as they are stored, through WebCodecs. The timestamp of a chunk is the number of its packet. */
class PacketSource {
  name = "WebCodecs";
  title = "The stored packets, decoded by the browser";

  constructor(video) {
    this.video = video;
    this.turn = video.stream.turn;
    this.pictures = new Pictures(video);
    this.chunks = new Map();
    this.last = Promise.resolve();
    this.wake = () => {};
  }

  static works = (video) => decodes(video.stream);

  frame(n) {
    const held = this.pictures.get(n);
    if (held) return held;
    const mine = this.last.then(() => this.#bring(n));
    this.last = mine.catch(() => {});
    return mine;
  }

  async #bring(n) {
    const held = this.pictures.get(n);
    if (held) return held;
    const packet = this.video.display[n];
    const start = this.video.startFor(packet);
    if (start < 0 || packet - start > FAR) throw new Error("too far from where a browser can begin");
    const goesOn = this.decoder?.state === "configured" && !this.ended && start >= this.first && start <= this.next;
    if (!goesOn || this.shown.has(packet)) this.#begin(start);
    while (!this.pictures.held.has(n)) {
      if (this.error) throw this.error;
      if (this.next < this.video.packets && this.next <= packet + AHEAD && this.decoder.decodeQueueSize < 8) {
        await this.#feed(this.next);
      } else if (this.decoder.decodeQueueSize === 0 && this.waiting === 0 && this.next > packet) {
        await this.#flush(n);
      } else {
        await new Promise((wake) => {
          this.wake = wake;
          setTimeout(wake, 20);
        });
      }
    }
    return this.pictures.get(n);
  }

  #begin(start) {
    this.close(false);
    this.error = null;
    this.ended = false;
    this.first = this.next = start;
    this.shown = new Set();
    this.waiting = 0;
    const decoder = new VideoDecoder({
      output: (frame) => this.#take(decoder, frame),
      error: (error) => {
        if (this.decoder === decoder) this.error = error;
        this.wake();
      },
    });
    decoder.addEventListener("dequeue", () => this.wake());
    decoder.configure(configOf(this.video.stream));
    this.decoder = decoder;
  }

  async #take(decoder, frame) {
    const packet = frame.timestamp;
    const number = this.video.frameOf[packet];
    if (decoder !== this.decoder || !(number >= 0)) return frame.close();
    this.shown.add(packet);
    this.waiting += 1;
    try {
      const picture = await createImageBitmap(frame);
      if (decoder === this.decoder) this.pictures.put(number, picture);
      else picture.close();
    } finally {
      frame.close();
      if (decoder === this.decoder) this.waiting -= 1;
      this.wake();
    }
  }

  async #feed(packet) {
    const decoder = this.decoder;
    const data = await this.#packet(packet);
    if (decoder !== this.decoder || decoder.state !== "configured") return;
    const type = this.video.starts[packet] ? "key" : "delta";
    decoder.decode(new EncodedVideoChunk({ type, timestamp: packet, data }));
    this.next = packet + 1;
  }

  async #flush(n) {
    this.ended = true;
    await this.decoder.flush();
    while (this.waiting) await new Promise((wake) => setTimeout(wake, 5));
    if (!this.pictures.held.has(n)) throw new Error(`frame ${n} did not come out`);
  }

  async #packet(packet) {
    const chunk = Math.floor(packet / CHUNK);
    if (!this.chunks.has(chunk)) {
      const asked = this.video.carrier.parts(`packets/${this.video.path}/${chunk * CHUNK}/${(chunk + 1) * CHUNK}`);
      asked.catch(() => this.chunks.delete(chunk));
      this.chunks.set(chunk, asked);
      if (this.chunks.size > 40) this.chunks.delete(this.chunks.keys().next().value);
    }
    return (await this.chunks.get(chunk))[packet - chunk * CHUNK];
  }

  close(all = true) {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    if (all) this.pictures.close();
  }
}

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
