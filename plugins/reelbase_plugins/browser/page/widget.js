// The page in the output of a notebook cell (the front-end module of an anywidget). Requests go over its channel.

import { App } from "./app.js";
import { CommCarrier } from "./carrier.js";
import { connectControls } from "./controls.js";

/* global STYLE, MARKUP */
// assets.py puts these two constants in front of this file when it joins the page into one module.

async function render({ model, el }) {
  el.dataset.lmSuppressShortcuts = "true"; // JupyterLab then leaves keys to the page while it has the focus
  const light = document.body.dataset.jpThemeLight; // JupyterLab's theme may differ from that of the system
  if (light) el.style.colorScheme = light === "true" ? "light" : "dark";
  const shadow = el.attachShadow({ mode: "open" });
  shadow.innerHTML = `<style>${STYLE}</style>${MARKUP}`;
  const root = shadow.querySelector(".viewer");
  root.tabIndex = 0;
  const carrier = new CommCarrier(model);
  const about = await carrier.json("about");
  const app = new App(root, carrier, about, { read: () => "", write: () => {} });
  connectControls(app, root);
  app.start();
  return () => app.close();
}

export default { render };
