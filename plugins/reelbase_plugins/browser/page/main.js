// The page in a browser. Requests go over HTTP, and row and frame are kept in the fragment of the address.

import { App } from "./app.js";
import { HttpCarrier } from "./carrier.js";
import { connectControls } from "./controls.js";

const root = /** @type {HTMLElement} */ (document.querySelector(".viewer"));
const addressStore = {
  read: () => location.hash.slice(1),
  write: (text) => history.replaceState(null, "", `#${text}`),
};
try {
  const carrier = new HttpCarrier(new URL("data/", document.baseURI).href);
  const about = await carrier.json("about");
  document.title = `${about.title} – reelbase`;
  const app = new App(root, carrier, about, addressStore);
  connectControls(app, document);
  await app.start();
} catch (error) {
  const message = /** @type {HTMLElement} */ (root.querySelector("#message"));
  message.textContent = error.message;
  message.hidden = false;
}
