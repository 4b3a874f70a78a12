// Rows as pictures: only those in sight are in the page, however many there are.

const WIDE = 176;
const HIGH = 136;
const PAGE = 200;

export class Grid {
  /** @param {HTMLElement} box scrolls @param {import("./carrier.js").Carrier} carrier @param {Map<string, number>} places @param {(row: number) => void} chosen */
  constructor(box, carrier, places, chosen) {
    this.box = box;
    this.carrier = carrier;
    this.places = places;
    this.chosen = chosen;
    this.inner = document.createElement("div");
    this.inner.className = "inner";
    box.replaceChildren(this.inner);
    this.tiles = new Map();
    this.rows = [];
    box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(box);
  }

  /** Begin anew with a filter. @returns the number of rows found so far */
  async filter(where) {
    this.where = where;
    this.rows = [];
    this.next = 0;
    this.asking = null;
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    await this.more();
    return this.rows.length;
  }

  get complete() {
    return this.next === null;
  }

  /** Ask for further rows, until there are some or no more. */
  more() {
    this.asking ??= this.#ask(this.where).finally(() => (this.asking = null));
    return this.asking;
  }

  async #ask(where) {
    const before = this.rows.length;
    while (this.next !== null && this.rows.length < before + PAGE / 2 && where === this.where) {
      const told = await this.carrier.json(`rows?where=${encodeURIComponent(where)}&start=${this.next}&limit=${PAGE}`);
      if (where !== this.where) return;
      this.rows.push(...told.rows);
      this.next = told.next;
      this.draw();
    }
  }

  draw() {
    const across = Math.max(1, Math.floor(this.box.clientWidth / WIDE));
    const lines = Math.ceil(this.rows.length / across);
    this.inner.style.height = `${lines * HIGH}px`;
    const first = Math.max(0, Math.floor(this.box.scrollTop / HIGH) - 1) * across;
    const last = Math.ceil((this.box.scrollTop + this.box.clientHeight) / HIGH + 1) * across;
    for (const [place, tile] of this.tiles) {
      if (place < first || place >= last) {
        tile.remove();
        this.tiles.delete(place);
      }
    }
    for (let place = first; place < Math.min(last, this.rows.length); place++) {
      const tile = this.tiles.get(place) ?? this.#tile(place);
      tile.style.transform = `translate(${(place % across) * WIDE}px, ${Math.floor(place / across) * HIGH}px)`;
      tile.setAttribute("aria-current", String(this.rows[place].row === this.current));
    }
    if (last >= this.rows.length && !this.complete) this.more();
  }

  #tile(place) {
    const { row, title, video } = this.rows[place];
    const tile = document.createElement("button");
    tile.className = "tile";
    tile.title = `Row ${row}${title ? `: ${title}` : ""}`;
    if (video !== null) {
      const picture = document.createElement("img");
      picture.loading = "lazy";
      picture.decoding = "async";
      picture.alt = "";
      this.carrier.show(picture, `frame/${row}/${this.places.get(video)}/0?width=160`);
      tile.append(picture);
    }
    const words = document.createElement("span");
    words.textContent = title ? `${row} · ${title}` : String(row);
    tile.append(words);
    tile.addEventListener("click", () => this.chosen(row));
    this.inner.append(tile);
    this.tiles.set(place, tile);
    return tile;
  }

  /** The row after (or before) the current one, of those that are known. */
  beside(step) {
    const at = this.rows.findIndex((one) => one.row === this.current);
    return this.rows[Math.min(this.rows.length - 1, Math.max(0, at + step))]?.row;
  }

  mark(row) {
    this.current = row;
    this.draw();
  }
}
