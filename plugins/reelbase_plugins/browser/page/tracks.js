// What is annotated, frame by frame: fetched in pieces, and there before a frame is drawn.

const PIECE = 64;

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

  /** The item of a frame; undefined: there is none. @param {number} n */
  async at(n) {
    if (n >= this.length) return undefined;
    const start = n - (n % PIECE);
    if (!this.pieces.has(start)) {
      const asked = this.carrier.json(`track/${this.path}/${start}/${start + PIECE}`);
      asked.catch(() => this.pieces.delete(start));
      this.pieces.set(start, asked);
      if (this.pieces.size > 30) this.pieces.delete(this.pieces.keys().next().value);
    }
    return (await this.pieces.get(start))[n - start];
  }
}

/** A colour for a word, the same each time. @param {string} word */
export function colourOf(word) {
  let hash = 7;
  for (const letter of word) hash = (hash * 31 + letter.codePointAt(0)) % 360;
  return `hsl(${hash} 85% 60%)`;
}

/** Words beside the boxes of a frame: of a tensor of labels that has as many. */
export function labelled(boxes, labels) {
  const fit = labels.find((one) => Array.isArray(one.item) && one.item.length === boxes.length);
  return fit ? fit.item.map(String) : [];
}
