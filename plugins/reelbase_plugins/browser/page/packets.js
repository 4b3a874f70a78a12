// Decoding of the stored packets by the browser, with WebCodecs.

import { Pictures } from "./pictures.js";

const PACKETS_PER_REQUEST = 60;
const MAX_PACKETS_AHEAD = 24; // packets after the wanted one that a decoder may need before it outputs the frame
const MAX_PACKETS_PER_FRAME = 300; // if a frame takes more, the server canDecode it
const MAX_CHUNKS_KEPT = 40;
const MAX_DECODE_QUEUE = 8;

/** @param {{codec: string, description: string, size: number[]}} stream @returns {VideoDecoderConfig} */
export function makeConfig(stream) {
  /** @type {VideoDecoderConfig} */
  const config = { codec: stream.codec, codedWidth: stream.size[0], codedHeight: stream.size[1] };
  if (stream.description) config.description = Uint8Array.from(atob(stream.description), (c) => c.charCodeAt(0));
  return { ...config, hardwareAcceleration: "prefer-software" };
}

/** Return true if the browser can decode a stream. */
export async function canDecode(stream) {
  if (!stream || typeof VideoDecoder === "undefined") return false;
  try {
    return (await VideoDecoder.isConfigSupported(makeConfig(stream))).supported;
  } catch {
    return false;
  }
}

/**
 * Decodes the stored packets. The timestamp of a chunk is the number of its packet, so that an output frame is mapped
 * back exactly: frames are not counted, and times of the container are not used.
 */
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

  static isUsable = (video) => canDecode(video.stream);

  frame(n) {
    const held = this.pictures.get(n);
    if (held) return held;
    const picture = this.last.then(() => this.#decode(n)); // one frame after another: there is one decoder
    this.last = picture.catch(() => {});
    return picture;
  }

  async #decode(n) {
    const held = this.pictures.get(n);
    if (held) return held;
    const packet = this.video.display[n];
    const start = this.video.startFor(packet);
    if (start < 0 || packet - start > MAX_PACKETS_PER_FRAME) throw new Error("too far from a packet that a browser can start at");
    // A decoder that has not passed the packet continues, so that a step forward decodes one packet.
    const canContinue = this.decoder?.state === "configured" && !this.ended && start >= this.first && start <= this.next;
    if (!canContinue || this.shown.has(packet)) this.#begin(start);
    while (!this.pictures.held.has(n)) {
      if (this.error) throw this.error;
      if (this.next < this.video.packets && this.next <= packet + MAX_PACKETS_AHEAD && this.decoder.decodeQueueSize < MAX_DECODE_QUEUE) {
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
    decoder.configure(makeConfig(this.video.stream));
    this.decoder = decoder;
  }

  async #take(decoder, frame) {
    const packet = frame.timestamp;
    const number = this.video.frameOf[packet];
    // Packets that no frame is shown of (edit lists, hidden frames) are decoded, and their pictures dropped.
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
    const data = await this.#load(packet);
    if (decoder !== this.decoder || decoder.state !== "configured") return;
    const type = this.video.starts[packet] ? "key" : "delta";
    decoder.decode(new EncodedVideoChunk({ type, timestamp: packet, data }));
    this.next = packet + 1;
  }

  async #flush(n) {
    this.ended = true;
    await this.decoder.flush();
    while (this.waiting) await new Promise((wake) => setTimeout(wake, 5));
    if (!this.pictures.held.has(n)) throw new Error(`the decoder did not output frame ${n}`);
  }

  async #load(packet) {
    const chunk = Math.floor(packet / PACKETS_PER_REQUEST);
    if (!this.chunks.has(chunk)) {
      const [start, stop] = [chunk * PACKETS_PER_REQUEST, (chunk + 1) * PACKETS_PER_REQUEST];
      const packets = this.video.carrier.parts(`packets/${this.video.path}/${start}/${stop}`);
      packets.catch(() => this.chunks.delete(chunk));
      this.chunks.set(chunk, packets);
      if (this.chunks.size > MAX_CHUNKS_KEPT) this.chunks.delete(this.chunks.keys().next().value);
    }
    return (await this.chunks.get(chunk))[packet - chunk * PACKETS_PER_REQUEST];
  }

  close(all = true) {
    if (this.decoder && this.decoder.state !== "closed") this.decoder.close();
    this.decoder = null;
    if (all) this.pictures.close();
  }
}
