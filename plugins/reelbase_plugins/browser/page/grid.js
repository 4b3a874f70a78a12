// The rows as tiles with a picture. Only tiles in sight are in the page, so that the number of rows does not matter.

const TILE_WIDTH = 176; // pixels
const TILE_HEIGHT = 136; // pixels
const ROWS_PER_REQUEST = 200;

export class Grid {
  /** @param {HTMLElement} box element that scrolls @param {import("./carrier.js").Carrier} carrier @param {Map<string, number>} places position of each tensor @param {(row: number) => void} onChoose called when a tile is clicked */
  constructor(box, carrier, places, onChoose) {
    this.box = box;
    this.carrier = carrier;
    this.places = places;
    this.onChoose = onChoose;
    this.inner = document.createElement("div");
    this.inner.className = "inner";
    box.replaceChildren(this.inner);
    this.tiles = new Map();
    this.rows = [];
    box.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(box);
  }

  /** Start again with another filter. @returns the number of rows found so far */
  async filter(where) {
    this.where = where;
    this.rows = [];
    this.next = 0;
    this.asking = null;
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
    try {
      await this.more();
    } catch (error) {
      this.next = null; // a filter that was refused is not asked about again
      throw error;
    }
    return this.rows.length;
  }

  get complete() {
    return this.next === null;
  }

  /** Request more rows, until some are found or there are no more. */
  more() {
    this.asking ??= this.#ask(this.where).finally(() => (this.asking = null));
    return this.asking;
  }

  async #ask(where) {
    const before = this.rows.length;
    while (this.next !== null && this.rows.length < before + ROWS_PER_REQUEST / 2 && where === this.where) {
      const query = `where=${encodeURIComponent(where)}&start=${this.next}&limit=${ROWS_PER_REQUEST}`;
      const page = await this.carrier.json(`rows?${query}`);
      if (where !== this.where) return; // the filter has changed in the meantime
      this.rows.push(...page.rows);
      this.next = page.next;
      this.draw();
    }
  }

  draw() {
    const columns = Math.max(1, Math.floor(this.box.clientWidth / TILE_WIDTH));
    const lines = Math.ceil(this.rows.length / columns);
    this.inner.style.height = `${lines * TILE_HEIGHT}px`;
    const first = Math.max(0, Math.floor(this.box.scrollTop / TILE_HEIGHT) - 1) * columns;
    const last = Math.ceil((this.box.scrollTop + this.box.clientHeight) / TILE_HEIGHT + 1) * columns;
    for (const [place, tile] of this.tiles) {
      if (place < first || place >= last) {
        tile.remove();
        this.tiles.delete(place);
      }
    }
    for (let place = first; place < Math.min(last, this.rows.length); place++) {
      const tile = this.tiles.get(place) ?? this.#makeTile(place);
      tile.style.transform = `translate(${(place % columns) * TILE_WIDTH}px, ${Math.floor(place / columns) * TILE_HEIGHT}px)`;
      tile.setAttribute("aria-current", String(this.rows[place].row === this.current));
    }
    if (last >= this.rows.length && !this.complete) this.more();
  }

  #makeTile(place) {
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
    tile.addEventListener("click", () => this.onChoose(row));
    this.inner.append(tile);
    this.tiles.set(place, tile);
    return tile;
  }

  /** Find the row that is `step` tiles after the current one, among those that were loaded. */
  findNeighbour(step) {
    const place = this.rows.findIndex((entry) => entry.row === this.current);
    return this.rows[Math.min(this.rows.length - 1, Math.max(0, place + step))]?.row;
  }

  mark(row) {
    this.current = row;
    this.draw();
  }
}
