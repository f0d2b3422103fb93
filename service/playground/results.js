// Recommendations as a list: what, why, and how far the sentence moved it.

import { h, show } from "./dom.js";
import { attributes, percent } from "./words.js";

const LEAST_SHARE = 0.01; // of what the history says for an item; less is no reason
const LOOKED_AT = 1000; // places in which the service looks for an item's place without the sentence

// `other`: the answer beside this one, whose places are shown, null while it is on its way; `add` puts an item into
// the history.
export function drawResults(node, answer, { kinds, add, other }) {
  if (!answer.items.length) return show(node, nothing());
  const places = new Map((other?.items ?? []).map((item) => [item.item_id, item.rank]));
  const best = Math.max(...answer.items.map((item) => item.score), Number.MIN_VALUE);
  show(node, answer.items.map((item) =>
    h("li", { class: "result", "data-item": item.item_id },
      h("span", { class: "rank", "aria-hidden": "true" }, item.rank),
      h("div", { class: "about" },
        h("h3", {}, item.title || item.item_id, " ", movement(item.sentence)),
        attributes(item, kinds),
        because(item.reasons),
        other !== undefined && (other ? place(item, places.get(item.item_id)) : h("p", { class: "beside" }, "…"))),
      h("div", { class: "side" },
        h("span", { class: "score", title: sum(item.parts), "--share": Math.max(item.score / best, 0) },
          h("span", { class: "hidden" }, "score "), item.score.toFixed(3)),
        h("button", { type: "button", class: "add", "aria-label": `Add ${item.title} to the history`, onclick: () => add(item) },
          h("span", { "aria-hidden": "true" }, "+"))))));
  node.onmouseover = ({ target }) => mark(target.closest(".result")?.dataset.item);
  node.onmouseleave = () => mark();
}

const nothing = () =>
  h("li", { class: "none" },
    h("h3", {}, "Nothing fits all of this"),
    h("p", { class: "hint" }, "A part that is a must can be made a wish, or switched off. What each part left out is said below."));

function movement(effect) {
  if (!effect) return null;
  const { rank, rank_without: before } = effect;
  if (before === null) return moved("up", "▲ new", `the sentence brought it; without it, it is not among the first ${LOOKED_AT}`);
  if (before === rank) return moved("same", "=", "the sentence did not move it");
  const by = Math.abs(before - rank);
  const direction = before > rank ? "up" : "down";
  return moved(direction, `${before > rank ? "▲" : "▼"} ${by}`, `the sentence moved it ${direction} ${by} from place ${before}`);
}

// Where the item stands in the other list.
function place(item, there) {
  if (there === undefined) return h("p", { class: "beside only" }, "only in this list");
  const by = there - item.rank;
  if (by === 0) return h("p", { class: "beside" }, "the same place in the other list");
  const [direction, word] = by > 0 ? ["up", "higher"] : ["down", "lower"];
  return h("p", { class: `beside ${direction}` }, `place ${there} in the other list, ${Math.abs(by)} ${word} here`);
}

const moved = (direction, sign, text) =>
  h("span", { class: `moved ${direction}`, title: text }, h("span", { "aria-hidden": "true" }, sign), h("span", { class: "hidden" }, text));

// The items of the history that speak for it, each with its part of what all of them say.
function because(reasons) {
  const telling = reasons.filter(({ kind, share }) => kind === "history" && share >= LEAST_SHARE);
  return telling.length > 0 && h("p", { class: "reason" }, "Because of ", telling.map(({ title, share }) =>
    h("span", { class: "cause", title: "its part of all that the history says for it" },
      h("em", {}, title), " ", h("span", { class: "share", "--share": share }, percent(share)), " ")));
}

const sum = (found) =>
  found ? Object.entries(found).map(([name, value]) => `${name} ${value.toFixed(3)}`).join(" + ") : "score";

// The same item in both lists is seen at once.
function mark(id) {
  for (const entry of document.querySelectorAll(".result")) entry.classList.toggle("twin", entry.dataset.item === id);
}
