// Keys and buttons.

/** Connect keys and buttons to the app. @param {import("./app.js").App} app @param {EventTarget} keyboard element that listens for keys */
export function connectControls(app, keyboard) {
  const { $ } = app;
  const keys = {
    ArrowRight: (event) => app.step(event.shiftKey ? 10 : 1),
    ArrowLeft: (event) => app.step(event.shiftKey ? -10 : -1),
    ".": () => app.step(1),
    ",": () => app.step(-1),
    " ": () => (app.playing ? app.pause() : app.play()),
    Home: () => app.step(-Infinity),
    End: () => app.step(Infinity),
    j: () => app.open(app.grid.findNeighbour(1)),
    k: () => app.open(app.grid.findNeighbour(-1)),
    b: () => $("layers").click(),
    "/": () => $("where").focus(),
    "?": () => $("help").showModal(),
  };
  keyboard.addEventListener("keydown", (keydown) => {
    const event = /** @type {KeyboardEvent} */ (keydown);
    const isTyping = event.target instanceof HTMLInputElement && event.target.type !== "range";
    if (event.key === "Escape") /** @type {HTMLElement} */ (event.target).blur?.();
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
    if (event.target instanceof HTMLButtonElement && event.key === " ") return; // space presses the button
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act(event);
  });
  $("back").addEventListener("click", () => app.step(-1));
  $("next").addEventListener("click", () => app.step(1));
  $("play").addEventListener("click", () => (app.playing ? app.pause() : app.play()));
  $("seek").addEventListener("input", () => (app.pause(), app.seek(Number($("seek").value))));
  $("speed").addEventListener("change", () => (app.speed = Number($("speed").value)));
  $("sound").addEventListener("click", () => app.native());
  $("question").addEventListener("click", () => $("help").showModal());
  $("layers").addEventListener("click", () => {
    app.stage.layers = !app.stage.layers;
    $("layers").setAttribute("aria-pressed", String(app.stage.layers));
    if (app.video) app.seek(app.wanted);
  });
  $("sound").hidden = !app.carrier.media; // a widget's channel cannot serve files to the browser's player
  $("search").addEventListener("submit", (event) => {
    event.preventDefault();
    app.filter().then(() => app.choose());
    $("where").blur();
  });
}
