// The pages about the run that made the bundle. Where the service asks for a key, which no link can carry, a page is
// fetched with it and saved as a file.

import { h, show } from "./dom.js";
import { key, keyHeaders } from "./key.js";

const NAMES = { "training.html": "how it was trained", "evaluation.html": "how well it recommends" };

export function drawReports(node, names) {
  if (!names.length) {
    return show(node, "This bundle brings no report of its run. Training writes one, ", h("code", {}, "laser evaluate"),
      " another; the next re-index takes them along.");
  }
  const links = names.map((name) => {
    const address = `/reports/${encodeURIComponent(name)}`;
    return h("a", { href: address, onclick: (event) => key() && save(event, address, name) }, NAMES[name] ?? name);
  });
  show(node, "The run behind it: ", links.flatMap((link, n) => (n ? [", ", link] : [link])));
}

async function save(event, address, name) {
  event.preventDefault();
  const response = await fetch(address, { headers: keyHeaders() });
  const file = URL.createObjectURL(await response.blob());
  h("a", { href: file, download: name }).click();
  URL.revokeObjectURL(file);
}
