// Pictures that are kept, within a budget.

const BUDGET = 96 << 20; // bytes

/** Pictures by frame number, those nearest to the last one asked for. */
export class Pictures {
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
