// Before anything was asked: histories and sentences from this very catalogue, one click away.

import { h, show } from "./dom.js";
import { count } from "./words.js";

export function drawStarters(node, catalogue, start) {
  const cards = catalogue.starters.map(({ history, constraint }) =>
    h("li", {}, h("button", { type: "button", class: "starter", onclick: () => start(history, constraint) },
      h("span", { class: "titles" }, history.map((item) => h("span", {}, item.title || item.item_id))),
      constraint && h("span", { class: "said" }, `“${constraint}”`))));
  show(node,
    h("h2", {}, "What next?"),
    h("p", { class: "lead" }, `Choose what somebody liked, say what they want now, and see what Laser makes of it among ${
      count(catalogue.items, "item")}. Or begin with one of these:`),
    h("ul", { class: "starters" }, cards));
}
