// The timeline: ticks at key frames, a lane for each curve, and a marker at the current frame.

export class Timeline {
  /** @param {HTMLCanvasElement} canvas @param {(frame: number) => void} seek called with the frame under the pointer */
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

  showFrame(frame) {
    this.frame = frame;
    this.#drawMarker();
  }

  /** Draw ticks and curves on a canvas of their own: long videos have too many to draw them for each frame. */
  draw() {
    const { canvas, video } = this;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, canvas.clientWidth * ratio);
    canvas.height = Math.max(1, canvas.clientHeight * ratio);
    if (!video) return;
    this.background = new OffscreenCanvas(canvas.width, canvas.height);
    const context = this.background.getContext("2d");
    const style = getComputedStyle(canvas);
    const step = video.frames / canvas.width;
    context.fillStyle = style.color;
    let drawn = -Infinity;
    for (let packet = 0; packet < video.packets; packet++) {
      const frame = video.frameOf[packet];
      if (!video.starts[packet] || frame < 0 || frame - drawn < 3 * step) continue; // at least 3 pixels apart
      drawn = frame;
      context.fillRect(this.#x(frame), 4 * ratio, ratio, 10 * ratio);
    }
    this.curves.forEach((curve, k) => this.#drawLane(context, style, curve, (18 + 30 * k) * ratio, 30 * ratio));
    this.#drawMarker();
  }

  #x(frame) {
    return (frame / Math.max(1, this.video.frames)) * this.canvas.width;
  }

  #drawMarker() {
    const { canvas, background } = this;
    if (!background) return;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(background, 0, 0);
    context.fillStyle = getComputedStyle(canvas).caretColor;
    const wide = Math.max(2 * (window.devicePixelRatio || 1), this.#x(1));
    context.fillRect(this.#x(this.frame ?? 0), 0, wide, canvas.height);
  }

  #drawLane(context, style, { name, values }, top, height) {
    const known = values.filter((value) => value !== null);
    const low = known.reduce((a, b) => Math.min(a, b), Infinity);
    const high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    const y = (value) => top + height - 3 - ((value - low) / (high - low || 1)) * (height - 8);
    context.strokeStyle = style.caretColor;
    context.beginPath();
    let isDrawing = false; // a missing value interrupts the curve
    values.forEach((value, frame) => {
      if (value === null) isDrawing = false;
      else if (isDrawing) context.lineTo(this.#x(frame), y(value));
      else {
        context.moveTo(this.#x(frame), y(value));
        isDrawing = true;
      }
    });
    context.stroke();
    context.fillStyle = style.color;
    context.font = `${height / 3}px system-ui, sans-serif`;
    context.fillText(name, 4, top + height / 3);
  }
}
