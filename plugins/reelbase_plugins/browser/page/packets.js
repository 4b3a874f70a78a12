// The stored packets, decoded by the browser.

import { Pictures } from "./pictures.js";

const CHUNK = 60; // packets of one request
const AHEAD = 24; // packets that a decoder may want before it shows a frame
const FAR = 300; // packets to decode for one frame, at most: from further back the server does it

/** @param {{codec: string, description: string, size: number[]}} stream @returns {VideoDecoderConfig} */
export function configOf(stream) {
  /** @type {VideoDecoderConfig} */
  const config = { codec: stream.codec, codedWidth: stream.size[0], codedHeight: stream.size[1] };
  if (stream.description) config.description = Uint8Array.from(atob(stream.description), (c) => c.charCodeAt(0));
  return { ...config, hardwareAcceleration: "prefer-software" };
}

export async function decodes(stream) {
  if (!stream || typeof VideoDecoder === "undefined") return false;
  try {
    return (await VideoDecoder.isConfigSupported(configOf(stream))).supported;
  } catch {
    return false;
  }
}

/** The packets as they are stored, through WebCodecs. The timestamp of a chunk is the number of its packet. */
export class PacketSource {
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
          this.wake = () => wake(undefined);
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
