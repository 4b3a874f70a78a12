// What is chosen, and what is shown of it.

import { Grid } from "./grid.js";
import { Source } from "./sources.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { Track } from "./tracks.js";
import { Video } from "./video.js";

export class App {
  /** @param {HTMLElement} root what index.html holds @param {import("./carrier.js").Carrier} carrier @param {any} about @param {{read: () => string, write: (text: string) => void}} place where it is kept what is shown */
  constructor(root, carrier, about, place) {
    this.root = root;
    /** @type {(id: string) => any} elements of index.html, each of another kind */
    this.$ = (id) => root.querySelector(`#${id}`);
    this.carrier = carrier;
    this.place = place;
    this.about = about;
    this.places = new Map(about.tensors.map((one, place) => [one.name, place]));
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
    this.#dataset().catch((error) => this.say(error.message));
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

  /** Go on to a row that the filter chose, unless one is shown. */
  choose() {
    const { rows } = this.grid;
    if (rows.length && !rows.some((one) => one.row === this.row)) this.open(rows[0].row);
  }

  async open(row, tensor = null, frame = 0) {
    this.close();
    const turn = (this.turn = {});
    this.row = row;
    this.root.dataset.ready = "";
    this.grid.mark(row);
    try {
      const told = await this.carrier.json(`row/${row}`);
      if (turn !== this.turn) return;
      this.#facts(told);
      tensor ??= Object.keys(told.videos)[0];
      if (tensor === undefined) return this.say(`Row ${row} holds no video.`);
      const video = await Video.load(this.carrier, row, this.places.get(tensor));
      if (turn !== this.turn) return;
      this.tensor = tensor;
      this.#warn(told, video);
      this.stage.resize(video);
      this.tracks = this.#tracks(told);
      this.source = new Source(video, this.only, (name, title) => this.#badge(name, title));
      this.video = video;
      this.$("seek").max = String(video.frames - 1);
      this.timeline.show(video, await this.#curves(told));
      if (turn === this.turn) await this.seek(Math.min(Math.max(frame, 0), video.frames - 1));
    } catch (error) {
      this.say(error.message);
    }
  }

  #tracks(told) {
    const drawn = this.about.tensors.filter((one) => one.sequence && ["boxes", "labels", "text"].includes(one.role));
    return drawn
      .filter((one) => told.lengths[one.name])
      .map((one) => ({ ...one, place: this.places.get(one.name), length: told.lengths[one.name] }))
      .map((one) => new Track(this.carrier, this.row, one));
  }

  async #curves(told) {
    const lanes = this.about.tensors.filter((one) => one.sequence && one.role === "value" && told.lengths[one.name]);
    const curves = lanes.slice(0, 4).map(async (one) => {
      const values = await this.carrier.json(`curve/${this.row}/${this.places.get(one.name)}`);
      return { name: one.name, values };
    });
    return (await Promise.all(curves)).filter((one) => one.values.some((value) => value !== null));
  }

  #warn(told, video) {
    const wrong = Object.entries(told.lengths).filter(([, length]) => length !== video.frames);
    const words = wrong.map(([name, length]) => `${name} has ${length} items`);
    this.say(words.length ? `The video has ${video.frames} frames, but ${words.join(", ")}.` : "");
  }

  #facts({ row, values, videos }) {
    this.$("facts").replaceChildren(...lines({ row, ...values, ...Object.assign({}, ...Object.values(videos)) }));
  }

  async #dataset() {
    const versions = await this.carrier.json("versions");
    const { info, start } = this.about;
    this.$("whole").hidden = Boolean(start) || !(versions.length + Object.keys(info).length);
    this.$("info").replaceChildren(...lines(info));
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

  #badge(name, title) {
    this.$("badge").textContent = name;
    this.$("badge").title = title;
    this.root.dataset.backend = name;
  }

  say(text) {
    this.$("message").textContent = text;
    this.$("message").hidden = !text;
  }

  /** Show a frame; of several that are asked for while one is on its way, the last. */
  async seek(frame) {
    this.wanted = frame;
    if (this.seeking) return this.seeking;
    this.seeking = this.#follow().finally(() => (this.seeking = null));
    return this.seeking;
  }

  async #follow() {
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
    const items = Promise.all(tracks.map(async (one) => ({ name: one.name, role: one.role, item: await one.at(frame) })));
    const [{ picture, turn }, known] = await Promise.all([source.frame(frame), items]);
    if (source !== this.source) return;
    this.stage.paint(frame, picture, turn, known);
    this.timeline.at(frame);
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
      if (late > 0.25) [began, from] = [performance.now(), video.seconds[frame]]; // slower than it should be: no frame is left out
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

  /** The browser's own player: for sound, and no more exact than it is. */
  native() {
    const player = this.$("native");
    const on = player.hidden && this.video;
    this.pause();
    player.hidden = !on;
    this.$("stage").hidden = Boolean(on);
    if (on) {
      player.src = this.carrier.media(`media/${this.video.path}`);
      player.currentTime = this.video.seconds[this.wanted];
      this.#badge("native (approximate)", "The browser's own player, with sound; its frames may be one off");
    } else {
      player.removeAttribute("src");
      player.load();
      const { name, title } = this.source?.current ?? {};
      if (name) this.#badge(name, title);
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

/** Rows of a table of what is known. @param {Record<string, any>} facts */
function lines(facts) {
  const known = Object.entries(facts).filter(([, value]) => value !== null);
  return known.map(([name, value]) => {
    const line = document.createElement("tr");
    const [head, cell] = [document.createElement("th"), document.createElement("td")];
    head.textContent = name;
    cell.textContent = said(value);
    line.append(head, cell);
    return line;
  });
}

/** A value as a person would write it. @param {any} value */
function said(value) {
  if (Array.isArray(value) && value.every((one) => typeof one !== "object")) return value.join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
}
