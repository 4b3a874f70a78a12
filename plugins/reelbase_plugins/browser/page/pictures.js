// A cache of decoded pictures.

const MAX_BYTES = 96 << 20;
const MIN_PICTURES = 12; // kept even if they are larger than MAX_BYTES

/** Pictures by frame number. The ones farthest from the last frame requested are dropped first. */
export class Pictures {
  constructor(video) {
    this.capacity = Math.max(MIN_PICTURES, Math.floor(MAX_BYTES / (video.width * video.height * 4)));
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
    while (this.held.size > this.capacity) {
      let farthest = frame;
      for (const held of this.held.keys()) {
        if (Math.abs(held - this.near) > Math.abs(farthest - this.near)) farthest = held;
      }
      if (farthest === this.near) return;
      this.held.get(farthest).close();
      this.held.delete(farthest);
    }
  }

  close() {
    for (const picture of this.held.values()) picture.close();
    this.held.clear();
  }
}
