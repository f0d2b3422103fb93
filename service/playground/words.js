// Values, columns and numbers as a person reads them.

import { h } from "./dom.js";

const whole = new Intl.NumberFormat("en");
const LONGEST = 160; // characters of a text that is shown

export const count = (number, one, many = `${one}s`) => `${whole.format(number)} ${number === 1 ? one : many}`;
export const label = (column) => column.replaceAll("_", " ");
export const percent = (share) => `${Math.round(share * 100)} %`;
export const milliseconds = (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`);
// Numbers are written as they are: a year has no thousands separator.
export const plain = (value) => (typeof value === "number" ? String(Number(value.toPrecision(12))) : String(value));

export function short(text) {
  return text.length > LONGEST ? `${text.slice(0, LONGEST).trimEnd()}…` : text;
}

export function valueText(value, kind) {
  if (Array.isArray(value)) return value.map(plain).join(kind === "path" ? " › " : ", ");
  return short(plain(value));
}

// The attributes of an item as a list of names and values; what it lacks is left out.
export function attributes(item, kinds) {
  const there = Object.entries(item.attributes).filter(([, value]) => value !== null && String(value) !== "");
  return there.length > 0 && h("dl", { class: "attributes" }, there.map(([name, value]) =>
    h("div", { class: kinds.get(name) === "text" ? "long" : "" },
      h("dt", {}, label(name)), h("dd", {}, valueText(value, kinds.get(name))))));
}

export function summary(item, kinds) {
  const told = Object.entries(item.attributes).filter(([name, value]) => value !== null && kinds.get(name) !== "text");
  return told.slice(0, 3).map(([name, value]) => valueText(value, kinds.get(name))).join(" · ");
}
