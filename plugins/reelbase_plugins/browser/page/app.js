// The state of the page: the open row, the current frame, and the components that show them.

import { Grid } from "./grid.js";
import { Source } from "./sources.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Track } from "./tracks.js";
import { Video } from "./video.js";

const MAX_CURVES = 4;
const MAX_SECONDS_LATE = 0.25; // of playback

export class App {
  /** @param {HTMLElement} root the element .viewer of index.html @param {import("./carrier.js").Carrier} carrier @param {any} about the answer to the request "about" @param {{read: () => string, write: (text: string) => void}} place keeps row, frame and filter for a reload */
  constructor(root, carrier, about, place) {
    this.root = root;
    /** @type {(id: string) => any} finds an element of index.html by its id */
    this.$ = (id) => root.querySelector(`#${id}`);
    this.carrier = carrier;
    this.place = place;
    this.about = about;
    this.places = new Map(about.tensors.map((tensor, place) => [tensor.name, place]));
    this.stage = new Stage(this.$("stage"), this.$("boxes"));
    this.timeline = new Timeline(this.$("timeline"), (frame) => this.seek(frame));
    this.grid = new Grid(this.$("grid"), carrier, this.places, (row) => this.open(row));
    this.wanted = 0;
    this.playing = false;
    this.speed = 1;
  }

  async start() {
    const hash = new URLSearchParams(this.place.read());
    const { row, tensor, frame } = this.about.start ?? { row: 0, tensor: null, frame: 0 };
    this.$("title").textContent = this.about.title;
    this.$("version").textContent = this.about.version;
    this.only = hash.get("backend");
    this.#showDataset().catch((error) => this.say(error.message));
    this.root.classList.toggle("single", this.about.rows <= 1);
    this.$("where").value = hash.get("where") ?? this.about.where;
    await this.filter();
    const first = this.grid.rows[0]?.row ?? row;
    if (!this.about.rows) return this.say("The dataset has no rows.");
    await this.open(Number(hash.get("row") ?? (this.about.start ? row : first)), tensor, Number(hash.get("frame") ?? frame));
  }

  close() {
    this.pause();
    this.source?.close();
    this.source = this.video = null;
    this.stage.leave();
  }

  async filter() {
    const where = this.$("where").value.trim();
    try {
      await this.grid.filter(where);
      this.say("");
    } catch (error) {
      this.say(error.message);
    }
    const count = this.grid.rows.length;
    this.$("count").textContent = `${count}${this.grid.complete ? "" : "+"} of ${this.about.rows} rows`;
    this.root.dataset.where = where;
    this.remember();
  }

  /** Open the first row that matches the filter, unless the open row matches it too. */
  choose() {
    const { rows } = this.grid;
    if (rows.length && !rows.some((entry) => entry.row === this.row)) this.open(rows[0].row);
  }

  async open(row, tensor = null, frame = 0) {
    this.close();
    const turn = (this.turn = {}); // another call of open() replaces it, and this one then stops
    this.row = row;
    this.root.dataset.ready = "";
    this.grid.mark(row);
    try {
      const details = await this.carrier.json(`row/${row}`);
      if (turn !== this.turn) return;
      this.#showFacts(details);
      tensor ??= Object.keys(details.videos)[0];
      if (tensor === undefined) return this.say(`Row ${row} has no video.`);
      const video = await Video.load(this.carrier, row, this.places.get(tensor));
      if (turn !== this.turn) return;
      this.tensor = tensor;
      this.#warn(details, video);
      this.stage.resize(video);
      this.tracks = this.#makeTracks(details);
      this.source = new Source(video, this.only, (name, title) => this.#showBadge(name, title));
      this.video = video;
      this.$("seek").max = String(video.frames - 1);
      this.timeline.show(video, await this.#loadCurves(details));
      if (turn === this.turn) await this.seek(Math.min(Math.max(frame, 0), video.frames - 1));
    } catch (error) {
      this.say(error.message);
    }
  }

  #makeTracks({ lengths }) {
    const roles = ["boxes", "labels", "text"];
    const tensors = this.about.tensors.filter((tensor) => tensor.sequence && roles.includes(tensor.role));
    return tensors
      .filter((tensor) => lengths[tensor.name])
      .map((tensor) => ({ ...tensor, place: this.places.get(tensor.name), length: lengths[tensor.name] }))
      .map((tensor) => new Track(this.carrier, this.row, tensor));
  }

  async #loadCurves({ lengths }) {
    const isCurve = (tensor) => tensor.sequence && tensor.role === "value" && lengths[tensor.name];
    const tensors = this.about.tensors.filter(isCurve);
    const curves = tensors.slice(0, MAX_CURVES).map(async (tensor) => {
      const values = await this.carrier.json(`curve/${this.row}/${this.places.get(tensor.name)}`);
      return { name: tensor.name, values };
    });
    return (await Promise.all(curves)).filter((curve) => curve.values.some((value) => value !== null));
  }

  /** Show a warning if a tensor has not one item for each frame. */
  #warn({ lengths }, video) {
    const wrong = Object.entries(lengths).filter(([, length]) => length !== video.frames);
    const words = wrong.map(([name, length]) => `${name} has ${length} items`);
    this.say(words.length ? `The video has ${video.frames} frames, but ${words.join(", ")}.` : "");
  }

  #showFacts({ row, values, videos }) {
    this.$("facts").replaceChildren(...makeTableRows({ row, ...values, ...Object.assign({}, ...Object.values(videos)) }));
  }

  async #showDataset() {
    const versions = await this.carrier.json("versions");
    const { info, start } = this.about;
    this.$("whole").hidden = Boolean(start) || !(versions.length + Object.keys(info).length);
    this.$("info").replaceChildren(...makeTableRows(info));
    this.$("versions").replaceChildren(
      ...versions.map(({ ref, message, author, time }) => {
        const line = document.createElement("li");
        const name = document.createElement("b");
        name.textContent = ref;
        line.append(name, ` ${message}`);
        line.title = `${author}, ${time}`;
        return line;
      }),
    );
  }

  #showBadge(name, title) {
    this.$("badge").textContent = name;
    this.$("badge").title = title;
    this.root.dataset.backend = name;
  }

  say(text) {
    this.$("message").textContent = text;
    this.$("message").hidden = !text;
  }

  /** Show a frame. If this is called while a frame is being loaded, only the last frame requested is shown next. */
  async seek(frame) {
    this.wanted = frame;
    if (this.seeking) return this.seeking;
    this.seeking = this.#showWanted().finally(() => (this.seeking = null));
    return this.seeking;
  }

  async #showWanted() {
    let shown = -1;
    while (shown !== this.wanted && this.video) {
      shown = this.wanted;
      try {
        await this.#show(shown);
      } catch (error) {
        this.say(error.message);
      }
    }
  }

  async #show(frame) {
    const { video, source, tracks } = this;
    const load = async (track) => ({ name: track.name, role: track.role, item: await track.getItem(frame) });
    const [{ picture, turn }, items] = await Promise.all([source.frame(frame), Promise.all(tracks.map(load))]);
    if (source !== this.source) return; // another row was opened in the meantime
    this.stage.paint(frame, picture, turn, items);
    this.timeline.showFrame(frame);
    this.$("seek").value = String(frame);
    this.$("seek").setAttribute("aria-valuetext", `frame ${frame} of ${video.frames}`);
    this.$("frame").textContent = `${frame} / ${video.frames - 1}`;
    this.$("time").textContent = `${video.seconds[frame].toFixed(3)} s`;
    this.root.dataset.ready = "1";
    this.remember();
  }

  step(by) {
    this.pause();
    if (this.video) this.seek(Math.min(this.video.frames - 1, Math.max(0, this.wanted + by)));
  }

  async play() {
    if (this.playing || !this.video) return;
    this.playing = true;
    this.$("play").textContent = "❚❚";
    this.$("play").setAttribute("aria-label", "Pause");
    const { video } = this;
    let frame = this.wanted >= video.frames - 1 ? 0 : this.wanted;
    let [began, from] = [performance.now(), video.seconds[frame]];
    while (this.playing && video === this.video && frame < video.frames) {
      await this.seek(frame);
      const late = (performance.now() - began) / 1000 - (video.seconds[frame] - from) / this.speed;
      // Too slow: move the clock instead of leaving frames out.
      if (late > MAX_SECONDS_LATE) [began, from] = [performance.now(), video.seconds[frame]];
      frame += 1;
      if (frame >= video.frames) break;
      const due = began + ((video.seconds[frame] - from) / this.speed) * 1000;
      while (this.playing && performance.now() < due - 4) await new Promise(requestAnimationFrame);
    }
    this.pause();
  }

  pause() {
    this.playing = false;
    this.$("play").textContent = "▶";
    this.$("play").setAttribute("aria-label", "Play");
  }

  /** Switch the browser's own player on or off. It has sound, but its frames may be one off. */
  native() {
    const player = this.$("native");
    const on = player.hidden && this.video;
    this.pause();
    player.hidden = !on;
    this.$("stage").hidden = Boolean(on);
    if (on) {
      player.src = this.carrier.media(`media/${this.video.path}`);
      player.currentTime = this.video.seconds[this.wanted];
      this.#showBadge("native (approximate)", "The browser's own player, with sound; its frames may be one off");
    } else {
      player.removeAttribute("src");
      player.load();
      const { name, title } = this.source?.current ?? {};
      if (name) this.#showBadge(name, title);
    }
  }

  remember() {
    const hash = new URLSearchParams();
    if (this.row !== undefined) hash.set("row", String(this.row));
    hash.set("frame", String(this.wanted));
    if (this.$("where").value) hash.set("where", this.$("where").value);
    if (this.only) hash.set("backend", this.only);
    clearTimeout(this.saving);
    this.saving = setTimeout(() => this.place.write(String(hash)), 200);
  }
}

/** Make table rows of names and values. @param {Record<string, any>} facts */
function makeTableRows(facts) {
  const known = Object.entries(facts).filter(([, value]) => value !== null);
  return known.map(([name, value]) => {
    const line = document.createElement("tr");
    const [head, cell] = [document.createElement("th"), document.createElement("td")];
    head.textContent = name;
    cell.textContent = formatValue(value);
    line.append(head, cell);
    return line;
  });
}

/** Format a value as text for people. @param {any} value */
function formatValue(value) {
  if (Array.isArray(value) && value.every((item) => typeof item !== "object")) return value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
