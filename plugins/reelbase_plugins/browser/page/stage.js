// Picture and boxes, painted on one canvas in one go: what is seen together belongs together.

import { colourOf, labelled } from "./tracks.js";

export class Stage {
  /** @param {HTMLCanvasElement} canvas @param {HTMLElement} list where the boxes stand as text */
  constructor(canvas, list) {
    this.canvas = canvas;
    this.list = list;
    this.context = canvas.getContext("2d");
    this.layers = true;
  }

  resize(video) {
    this.canvas.width = video.width;
    this.canvas.height = video.height;
  }

  /** The picture that is seen is no frame of what comes next. */
  leave() {
    delete this.canvas.dataset.frame;
  }

  /** @param {number} frame @param {ImageBitmap} picture @param {boolean[]} turn @param {{name: string, role: string, item: any}[]} items */
  paint(frame, picture, turn, items) {
    this.#picture(picture, turn);
    const shown = this.#boxes(items);
    this.list.replaceChildren(...shown.map(line));
    this.canvas.dataset.frame = String(frame);
  }

  /** @param {ImageBitmap} picture @param {boolean[]} turn swapped axes, mirrored in x, in y */
  #picture(picture, [swap, mirrorX, mirrorY]) {
    const { context, canvas } = this;
    const { width, height } = canvas;
    context.save();
    context.translate(mirrorX ? width : 0, mirrorY ? height : 0);
    context.scale(mirrorX ? -1 : 1, mirrorY ? -1 : 1);
    if (swap) context.transform(0, 1, 1, 0, 0, 0);
    context.drawImage(picture, 0, 0, swap ? height : width, swap ? width : height);
    context.restore();
  }

  #boxes(items) {
    const labels = items.filter((one) => one.role === "labels");
    const texts = items.filter((one) => one.role === "text" && one.item !== undefined);
    const lines = texts.map((one) => ({ word: one.name, text: JSON.stringify(one.item) }));
    for (const { name, item } of items.filter((one) => one.role === "boxes" && Array.isArray(one.item))) {
      const words = labelled(item, labels);
      item.forEach((box, k) => {
        const word = words[k] ?? name;
        if (this.layers) this.#box(box, word, words.length > 0);
        lines.push({ word, text: box.map((n) => (n === null ? "–" : Math.round(n))).join(", ") });
      });
    }
    return lines;
  }

  #box([left, top, width, height], word, named) {
    const { context, canvas } = this;
    const unit = Math.max(1, canvas.width / 640);
    const colour = colourOf(word);
    context.lineWidth = 2 * unit;
    context.strokeStyle = colour;
    context.strokeRect(left, top, width, height);
    if (!named) return;
    context.font = `600 ${12 * unit}px system-ui, sans-serif`;
    const wide = context.measureText(word).width + 8 * unit;
    const above = top >= 16 * unit ? top - 16 * unit : top;
    context.fillStyle = colour;
    context.fillRect(left - unit, above, wide, 16 * unit);
    context.fillStyle = "#111";
    context.fillText(word, left + 3 * unit, above + 12 * unit);
  }
}

/** A line of the list; what users wrote is text, never markup. */
function line({ word, text }) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = word;
  name.style.setProperty("--colour", colourOf(word));
  item.append(name, ` ${text}`);
  return item;
}
