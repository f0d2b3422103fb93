// Where the time went: one bar of all stages, and their names.

import { h, show } from "./dom.js";
import { milliseconds } from "./words.js";

const STAGES = {
  auth: "check the key", parse: "read the request", store: "look up the user", resolve: "understand it",
  wait: "wait for a batch", encode: "encode", search: "search", respond: "write the answer",
};

export function drawTiming(node, { data, stages, ms }) {
  const inside = stages.filter(({ name }) => name !== "total");
  const total = stages.find(({ name }) => name === "total")?.ms ?? ms;
  const named = inside.map(({ name, ms: took }) => ({ name: STAGES[name] ?? name, took }));
  show(node,
    h("p", {}, h("b", {}, milliseconds(total)), ` in the service, ${milliseconds(ms)} with the way there and back`),
    h("div", { class: "stages", "aria-hidden": "true" }, named.map(({ took }) => h("span", { "--part": took / total }))),
    h("ul", { class: "legend" }, named.map(({ name, took }) => h("li", {}, `${name} `, h("b", {}, milliseconds(took))))),
    h("p", { class: "versions" }, `bundle ${data.versions.bundle}, catalogue change ${data.versions.catalogue}, `,
      `Laser ${data.versions.service}, ${data.search.mode} search. `, h("a", { href: "/insight" }, "What this bundle holds")));
}
