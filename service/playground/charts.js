// Bars and a curve, drawn from numbers; each has its numbers as text too.

import { h } from "./dom.js";
import { count, percent } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 160;
const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

export const bar = (name, number, part, note) =>
  h("li", {},
    h("p", { class: "name" }, name, h("b", {}, number)),
    h("div", { class: "bar", "aria-hidden": "true" }, h("span", { "--part": part })),
    note && h("p", { class: "hint" }, note));

export function experts(found) {
  if (!found) return h("p", { class: "hint" }, "This bundle's encoder has no router.");
  const bars = found.map(({ expert, items, share, typical }) =>
    bar(`Expert ${expert + 1}`, `${percent(share)}, first for ${count(items, "item")}`, share, typical.join(" · ")));
  return h("ul", { class: "bars" }, bars);
}

export function popularity(found) {
  if (!found) return h("p", { class: "hint" }, "This bundle does not know how often its items were taken. Re-index it.");
  const { curve, never } = found;
  const fifth = curve[Math.ceil(curve.length / 5) - 1];
  return [
    h("p", { class: "big" }, percent(fifth)),
    h("p", {}, "of all interactions are with the most popular fifth of the items"),
    line(curve),
    h("p", { class: "hint" }, `Across: items, the most popular first. Up: their share of the interactions. Dashed: all alike.${
      never ? ` Never taken: ${count(never, "item")}.` : ""}`),
  ];
}

export function recommended(found) {
  const since = h("time", { datetime: found.since }, MOMENT.format(new Date(found.since)));
  if (!found.answers) {
    return h("p", { class: "hint" }, "Nothing has been recommended from this bundle since ", since,
      ", when this process started. Ask in the playground, and look again.");
  }
  const most = found.most.map(([title, times]) => bar(title, `${count(times, "time")}`, times / found.most[0][1]));
  return [
    h("p", { class: "big" }, percent(found.coverage)),
    h("p", {}, `of the catalogue, ${count(found.different, "item")}, came up in ${count(found.answers, "answer")} since `, since),
    h("p", { class: "hint" }, found.top_share < 1 && `The fifth of the items that came up most had ${
      percent(found.top_share)} of all places (Gini ${found.gini.toFixed(2)}). `, found.popular_share !== null &&
      `The fifth that was taken most in training had ${percent(found.popular_share)} of all places. `, "Most often:"),
    h("ul", { class: "bars" }, most),
  ];
}

export function reach(found) {
  const most = found.most.map(([title, times]) => bar(title, `${times} ×`, times / Math.max(found.most[0][1], 1)));
  return [
    h("p", { class: "big" }, percent(found.coverage)),
    h("p", {}, `of ${count(found.asked, "item")} come back at least once when each is asked for its ${found.each} most similar`),
    h("p", { class: "hint" }, `How unequally (Gini): ${found.gini.toFixed(2)}. Most often:`),
    h("ul", { class: "bars" }, most),
  ];
}

function line(curve) {
  const svg = draw("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  const path = ["M0", HEIGHT, ...curve.map((share, n) =>
    `L${(((n + 1) / curve.length) * WIDTH).toFixed(1)} ${(HEIGHT * (1 - share)).toFixed(1)}`)].join(" ");
  svg.append(
    draw("path", { class: "axis", d: `M0 0V${HEIGHT}H${WIDTH}`, fill: "none" }),
    draw("path", { class: "even", d: `M0 ${HEIGHT}L${WIDTH} 0` }),
    draw("path", { class: "line", d: path }));
  return svg;
}

function draw(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
