// What was left out and why, what could not be obeyed, and what the answer did without.

import { h, show } from "./dom.js";
import { count, label } from "./words.js";

const DEGRADED = {
  user_history: "Nothing is stored under this user.",
  store: "The store of histories did not answer.",
  popularity: "Nothing is known of the user: these are the items taken most.",
  history: "No item of the history is known to this catalogue.",
};

// Each part that filters once, with how many items it leaves out by itself.
function byClause(understood) {
  const clauses = Map.groupBy(understood.filter((part) => part.hard), (part) => part.clause);
  return [...clauses.values()].map((parts) => ({ excludes: parts[0].excludes, why: why(parts) }));
}

function why(parts) {
  const negated = ({ operator }) => operator.startsWith("not_");
  const all = parts.every(negated);
  const said = [...new Set(parts.map((part) => `${!all && negated(part) ? "not " : ""}“${part.words}”`))];
  const words = said.join(" and ");
  return all ? `left out: ${words} ${said.length === 1 ? "is" : "are"} ruled out` : `left out by ${words}`;
}

export function drawAccount(node, answer, total) {
  const { applied, search, shortfall, unknown_items: unknown, degraded } = answer;
  const { constraint } = applied;
  const warnings = [
    shortfall && (shortfall.returned
      ? `Only ${count(shortfall.returned, "item")} of ${shortfall.requested}: no more are allowed.`
      : "No item is allowed."),
    ...constraint.contradictions.map((each) => each.text),
    ...degraded.map((what) => DEGRADED[what] ?? what),
    unknown.length > 0 && `Not in this catalogue: ${unknown.join(", ")}.`,
  ].filter(Boolean);
  const facts = [
    [search.allowed.toLocaleString("en"), `of ${count(total, "item")} were allowed`],
    ...byClause(constraint.understood).map(({ excludes, why: text }) => [excludes.toLocaleString("en"), text]),
    applied.excluded_seen > 0 && [applied.excluded_seen, "left out: they are in the history"],
    ...Object.entries(constraint.excluded_missing).map(([column, items]) =>
      [items.toLocaleString("en"), `left out: they have no ${label(column)}`]),
    ...constraint.ignored.map((text) => ["—", `“${text}” is not about this catalogue and changed nothing`]),
  ].filter(Boolean);
  show(node,
    warnings.length > 0 && h("ul", { class: "warnings" }, warnings.map((text) => h("li", {}, text))),
    h("ul", { class: "facts" }, facts.map(([number, text]) => h("li", {}, h("b", {}, number), ` ${text}`))));
}
