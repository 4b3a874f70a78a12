// The canvas with the picture and its boxes. Both are painted at once, so that boxes never belong to another frame.

import { findLabels, getColour } from "./tracks.js";

export class Stage {
  /** @param {HTMLCanvasElement} canvas @param {HTMLElement} list element that lists the boxes as text */
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

  /** Mark the canvas as showing no frame of the next video. */
  leave() {
    delete this.canvas.dataset.frame;
  }

  /** @param {number} frame @param {ImageBitmap} picture @param {boolean[]} turn @param {{name: string, role: string, item: any}[]} items */
  paint(frame, picture, turn, items) {
    this.#paintPicture(picture, turn);
    const lines = this.#paintBoxes(items);
    this.list.replaceChildren(...lines.map(makeLine));
    this.canvas.dataset.frame = String(frame);
  }

  /** @param {ImageBitmap} picture @param {boolean[]} turn whether axes are swapped, x is mirrored, y is mirrored */
  #paintPicture(picture, [swap, mirrorX, mirrorY]) {
    const { context, canvas } = this;
    const { width, height } = canvas;
    context.save();
    context.translate(mirrorX ? width : 0, mirrorY ? height : 0);
    context.scale(mirrorX ? -1 : 1, mirrorY ? -1 : 1);
    if (swap) context.transform(0, 1, 1, 0, 0, 0);
    context.drawImage(picture, 0, 0, swap ? height : width, swap ? width : height);
    context.restore();
  }

  #paintBoxes(items) {
    const labels = items.filter((entry) => entry.role === "labels");
    const texts = items.filter((entry) => entry.role === "text" && entry.item !== undefined);
    const lines = texts.map((entry) => ({ word: entry.name, text: JSON.stringify(entry.item) }));
    for (const { name, item } of items.filter((entry) => entry.role === "boxes" && Array.isArray(entry.item))) {
      const words = findLabels(item, labels);
      item.forEach((box, k) => {
        const word = words[k] ?? name;
        if (this.layers) this.#paintBox(box, word, words.length > 0);
        lines.push({ word, text: box.map((n) => (n === null ? "–" : Math.round(n))).join(", ") });
      });
    }
    return lines;
  }

  #paintBox([left, top, width, height], word, isLabelled) {
    const { context, canvas } = this;
    const unit = Math.max(1, canvas.width / 640);
    const colour = getColour(word);
    context.lineWidth = 2 * unit;
    context.strokeStyle = colour;
    context.strokeRect(left, top, width, height);
    if (!isLabelled) return;
    context.font = `600 ${12 * unit}px system-ui, sans-serif`;
    const wide = context.measureText(word).width + 8 * unit;
    const above = top >= 16 * unit ? top - 16 * unit : top; // inside the box if there is no room above it
    context.fillStyle = colour;
    context.fillRect(left - unit, above, wide, 16 * unit);
    context.fillStyle = "#111";
    context.fillText(word, left + 3 * unit, above + 12 * unit);
  }
}

/** Make a line of the list. Texts of users are set as text, never as markup. */
function makeLine({ word, text }) {
  const item = document.createElement("li");
  const name = document.createElement("b");
  name.textContent = word;
  name.style.setProperty("--colour", getColour(word));
  item.append(name, ` ${text}`);
  return item;
}
