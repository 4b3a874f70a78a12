// The same in the output of a notebook's cell: asked over the channel of its widget (anywidget's front-end module).

import { App } from "./app.js";
import { CommCarrier } from "./carrier.js";
import { wire } from "./controls.js";

/* global STYLE, MARKUP */
// The two constants stand in front of this file when the page is joined into one module; see assets.py.

async function render({ model, el }) {
  el.dataset.lmSuppressShortcuts = "true"; // keys are ours while it has the focus, and not JupyterLab's
  const light = document.body.dataset.jpThemeLight; // JupyterLab's theme, which is not always that of the system
  if (light) el.style.colorScheme = light === "true" ? "light" : "dark";
  const shadow = el.attachShadow({ mode: "open" });
  shadow.innerHTML = `<style>${STYLE}</style>${MARKUP}`;
  const root = shadow.querySelector(".viewer");
  root.tabIndex = 0;
  const carrier = new CommCarrier(model);
  const about = await carrier.json("about");
  const app = new App(root, carrier, about, { read: () => "", write: () => {} });
  wire(app, root);
  app.start();
  return () => app.close();
}

export default { render };
