// Where one is: key frames as ticks, a lane for each curve, and the place.

export class Timeline {
  /** @param {HTMLCanvasElement} canvas @param {(frame: number) => void} seek */
  constructor(canvas, seek) {
    this.canvas = canvas;
    this.curves = [];
    const move = (event) => {
      if (!this.video || !event.buttons) return;
      const box = canvas.getBoundingClientRect();
      const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      seek(Math.min(this.video.frames - 1, Math.floor(part * this.video.frames)));
    };
    canvas.addEventListener("pointerdown", (event) => (canvas.setPointerCapture(event.pointerId), move(event)));
    canvas.addEventListener("pointermove", move);
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** @param {{name: string, values: (number | null)[]}[]} curves */
  show(video, curves) {
    this.video = video;
    this.curves = curves;
    this.canvas.style.height = `${18 + 30 * curves.length}px`;
    this.draw();
  }

  at(frame) {
    this.frame = frame;
    this.#place();
  }

  /** All that stays while frames go by; long videos have many ticks and long curves. */
  draw() {
    const { canvas, video } = this;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, canvas.clientWidth * ratio);
    canvas.height = Math.max(1, canvas.clientHeight * ratio);
    if (!video) return;
    this.still = new OffscreenCanvas(canvas.width, canvas.height);
    const context = this.still.getContext("2d");
    const style = getComputedStyle(canvas);
    const step = video.frames / canvas.width;
    context.fillStyle = style.color;
    let drawn = -Infinity;
    for (let packet = 0; packet < video.packets; packet++) {
      const frame = video.frameOf[packet];
      if (!video.starts[packet] || frame < 0 || frame - drawn < 3 * step) continue;
      drawn = frame;
      context.fillRect(this.#x(frame), 4 * ratio, ratio, 10 * ratio);
    }
    this.curves.forEach((curve, k) => this.#lane(context, style, curve, (18 + 30 * k) * ratio, 30 * ratio));
    this.#place();
  }

  #x(frame) {
    return (frame / Math.max(1, this.video.frames)) * this.canvas.width;
  }

  #place() {
    const { canvas, still } = this;
    if (!still) return;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(still, 0, 0);
    context.fillStyle = getComputedStyle(canvas).caretColor;
    const wide = Math.max(2 * (window.devicePixelRatio || 1), this.#x(1));
    context.fillRect(this.#x(this.frame ?? 0), 0, wide, canvas.height);
  }

  #lane(context, style, { name, values }, top, height) {
    const known = values.filter((one) => one !== null);
    const low = known.reduce((a, b) => Math.min(a, b), Infinity);
    const high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    const y = (value) => top + height - 3 - ((value - low) / (high - low || 1)) * (height - 8);
    context.strokeStyle = style.caretColor;
    context.beginPath();
    let pen = false;
    values.forEach((value, frame) => {
      if (value === null) pen = false;
      else if (pen) context.lineTo(this.#x(frame), y(value));
      else {
        context.moveTo(this.#x(frame), y(value));
        pen = true;
      }
    });
    context.stroke();
    context.fillStyle = style.color;
    context.font = `${height / 3}px system-ui, sans-serif`;
    context.fillText(name, 4, top + height / 3);
  }
}
