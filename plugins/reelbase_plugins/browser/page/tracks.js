// Annotations of frames. They are requested in pieces, and a frame is only painted once its annotations are there.

const ITEMS_PER_REQUEST = 64;
const MAX_PIECES_KEPT = 30;

export class Track {
  /** @param {import("./carrier.js").Carrier} carrier @param {number} row @param {{name: string, place: number, length: number, role: string}} about */
  constructor(carrier, row, about) {
    this.name = about.name;
    this.role = about.role;
    this.length = about.length;
    this.carrier = carrier;
    this.path = `${row}/${about.place}`;
    this.pieces = new Map();
  }

  /** Return the item of a frame; undefined if there is none. @param {number} n */
  async getItem(n) {
    if (n >= this.length) return undefined;
    const start = n - (n % ITEMS_PER_REQUEST);
    if (!this.pieces.has(start)) {
      const piece = this.carrier.json(`track/${this.path}/${start}/${start + ITEMS_PER_REQUEST}`);
      piece.catch(() => this.pieces.delete(start));
      this.pieces.set(start, piece);
      if (this.pieces.size > MAX_PIECES_KEPT) this.pieces.delete(this.pieces.keys().next().value);
    }
    return (await this.pieces.get(start))[n - start];
  }
}

/** Return a colour for a word, always the same one. @param {string} word */
export function getColour(word) {
  let hash = 7;
  for (const letter of word) hash = (hash * 31 + letter.codePointAt(0)) % 360;
  return `hsl(${hash} 85% 60%)`;
}

/** Find the labels of the boxes of a frame: those of a tensor that has as many labels as there are boxes. */
export function findLabels(boxes, labels) {
  const match = labels.find((entry) => Array.isArray(entry.item) && entry.item.length === boxes.length);
  return match ? match.item.map(String) : [];
}
