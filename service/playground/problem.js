// An error as the service explains it: what is wrong, where, and what to do.

import { h, show } from "./dom.js";

export function drawProblem(node, problem, retryIn) {
  if (!problem) return show(node);
  const { title, field, detail, what_to_do: todo, request_id: id } = problem.body;
  show(node,
    h("h2", {}, title),
    h("p", {}, field && field !== "body" ? [h("code", {}, field), " "] : "", detail),
    todo && h("p", {}, todo),
    retryIn && h("p", {}, `Trying again in ${retryIn} s.`),
    id && h("p", { class: "versions" }, `request ${id}`));
}
