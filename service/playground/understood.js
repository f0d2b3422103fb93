// What was understood of the sentence, as chips: a must (hard) can be made a wish (soft) and back; each can be switched off.

import { h, show } from "./dom.js";
import { label, percent, plain } from "./words.js";

const OPERATORS = {
  eq: "is", in: "is one of", not_eq: "is not", not_in: "is none of", gte: "from", gt: "over", lte: "up to", lt: "under",
  not_between: "not within", not_only: "not only",
};

export function startUnderstood(node, { get, set }) {
  const treat = (words, how) => {
    const others = get().parts.filter((part) => !words.includes(part.words));
    set({ parts: how ? [...others, ...words.map((each) => ({ words: each, treat: how }))] : others });
  };

  const button = (text, name, words, how) =>
    h("button", { type: "button", "aria-label": name, onclick: () => treat(words, how) }, text);

  function chip(clause, state) {
    const [first] = clause;
    const words = [...new Set(clause.map((part) => part.words))];
    const named = words.join(" ");
    const softened = state.parts.some((part) => part.treat === "soft" && words.includes(part.words));
    return h("li", { class: `chip ${first.hard ? "hard" : "soft"}` },
      h("span", { class: "meaning", title: `“${named}”, ${percent(first.confidence)} sure` }, meaning(clause)),
      (first.hard || softened) && state.mode === "strict" && first.operator !== "not_only" &&
        button(first.hard ? "must" : "wish", `${first.hard ? "Make it a wish" : "Make it a must"}: ${named}`,
          words, first.hard ? "soft" : null),
      !(first.hard || softened) && h("span", { class: "how" }, "wish"),
      button("×", `Switch off: ${named}`, words, "off"));
  }

  const off = (part) =>
    h("li", { class: "chip off" }, h("s", {}, part.words), button("switch on", `Switch on: ${part.words}`, [part.words], null));

  const asText = (words) =>
    h("li", { class: "chip soft" }, h("span", { class: "meaning" }, `“${words}”`), h("span", { class: "how" }, "by its meaning"),
      button("×", `Switch off: ${words}`, [words], "off"));

  return (constraint, state) => {
    const clauses = Map.groupBy(constraint.understood, (part) => part.clause);
    const texts = state.mode === "strict" && constraint.as_text && hasText(constraint) ? constraint.as_text.split(", ") : [];
    show(node, [
      ...[...clauses.values()].map((clause) => chip(clause, state)),
      ...texts.map(asText),
      ...state.parts.filter((part) => part.treat === "off").map(off),
    ]);
  };
}

// Without a history the prompt also says what filters; that is no part of its own.
const hasText = ({ understood, as_text }) =>
  !as_text.split(", ").some((text) => understood.some((part) => part.words === text));

function meaning(clause) {
  const joined = { any: " or ", all: " and ", not_all: " and " }[clause[0].joined] ?? " and ";
  const negated = clause[0].joined === "not_all" ? "not " : "";
  const parts = clause.map((part, n) => {
    const same = n > 0 && clause[n - 1].attribute === part.attribute;
    const name = same ? "" : `${label(part.attribute)} `;
    const value = [part.value].flat().map(plain).join(part.operator === "not_between" ? "–" : ", ");
    const why = part.basis ? ` (of ${part.basis === "history" ? "your history" : "what is left"})` : "";
    return `${name}${OPERATORS[part.operator]} ${value}${why}`;
  });
  return negated + parts.join(joined);
}
