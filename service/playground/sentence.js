// The sentence: a field that completes values of the catalogue, and phrases to begin with.

import { values } from "./api.js";
import { combobox } from "./combobox.js";
import { byId, h, show } from "./dom.js";
import { count, label, plain } from "./words.js";

const LEAST = 2; // letters from which a word is completed
const PHRASES = 5;

export function startSentence({ set, failed }) {
  const input = byId("sentence");
  const list = byId("sentence-list");

  // The word that is being typed, up to the caret.
  const word = () => input.value.slice(0, input.selectionStart).match(/[^\s,.;]*$/)[0];

  async function suggest(_, signal) {
    const typed = word();
    if (typed.length < LEAST) return [];
    const { data } = await values(typed, signal);
    return data.values.filter(({ value }) => value.toLowerCase() !== typed.toLowerCase());
  }

  const draw = (option) => [
    h("span", { class: "title" }, option.value),
    h("span", { class: "hint" }, `${label(option.column)}, ${count(option.items, "item")}`),
  ];

  function choose({ value }) {
    const caret = input.selectionStart;
    const before = withoutBeginning(input.value.slice(0, caret - word().length), value);
    input.value = `${before}${value}${input.value.slice(caret)}`;
    input.setSelectionRange(before.length + value.length, before.length + value.length);
    set(input.value);
  }

  input.addEventListener("input", () => set(input.value));
  combobox(input, list, { suggest, draw, choose, failed });

  function add(phrase) {
    const said = input.value.trim().replace(/[,.;]$/, "");
    input.value = said ? `${said}, ${phrase}` : phrase;
    set(input.value);
    input.focus();
  }

  return {
    draw: (state) => {
      if (input.value !== state.sentence) input.value = state.sentence;
    },
    offer: (columns) => show(byId("phrases"), phrases(columns).map((phrase) =>
      h("button", { type: "button", class: "phrase", onclick: () => add(phrase) }, phrase))),
  };
}

// "only science " before "Science Fiction" is "only ": what is there already of the value is not written twice.
function withoutBeginning(before, value) {
  const words = value.split(" ");
  for (let n = words.length - 1; n > 0; n--) {
    const beginning = `${words.slice(0, n).join(" ")} `;
    const rest = before.slice(0, -beginning.length);
    if (before.toLowerCase().endsWith(beginning.toLowerCase()) && !/\w$/.test(rest)) return rest;
  }
  return before;
}

// A few things that can be said of these columns.
function phrases(columns) {
  const found = [];
  const listed = columns.filter((column) => ["list", "path", "categorical"].includes(column.kind));
  for (const { values: known, distinct } of listed.filter((column) => column.values.length > 1).slice(0, 2)) {
    if (distinct <= 400) found.push(known[1].value, `no ${known[0].value}`);
  }
  for (const { name, numbers } of columns.filter((column) => column.numbers)) {
    const { lowest, quarter: low, median, three_quarters: high } = numbers;
    const year = /year/i.test(name) && lowest >= 1000;
    found.push(year ? `after ${plain(round(high, low, high))}` : `${label(name)} under ${plain(round(median, low, high))}`);
  }
  return found.filter((phrase) => phrase.length < 32).slice(0, PHRASES);
}

// The nearest number that somebody would say: a multiple of 1, 2 or 5 times a power of ten, small against the spread.
function round(value, low, high) {
  const room = (high - low) / 4;
  if (!(room > 0)) return Number(value.toPrecision(3));
  const power = 10 ** Math.floor(Math.log10(room));
  const step = power * Math.max(1, ...[2, 5].filter((times) => times * power <= room));
  return Number((Math.round(value / step) * step).toPrecision(12));
}
