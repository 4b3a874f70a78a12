// The page of its own: asked over HTTP, and what is shown is kept in the address.

import { App } from "./app.js";
import { HttpCarrier } from "./carrier.js";
import { wire } from "./controls.js";

const root = /** @type {HTMLElement} */ (document.querySelector(".viewer"));
const place = {
  read: () => location.hash.slice(1),
  write: (text) => history.replaceState(null, "", `#${text}`),
};
try {
  const carrier = new HttpCarrier(new URL("data/", document.baseURI).href);
  const about = await carrier.json("about");
  document.title = `${about.title} – reelbase`;
  const app = new App(root, carrier, about, place);
  wire(app, document);
  await app.start();
} catch (error) {
  const message = /** @type {HTMLElement} */ (root.querySelector("#message"));
  message.textContent = error.message;
  message.hidden = false;
}
