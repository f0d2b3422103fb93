// A text field with suggestions, as the ARIA pattern has it: focus stays in the field, arrows move in the list.
//
//   suggest(text, signal) -> options, anything     asked a moment after the last key; the older request is aborted
//   draw(option) -> children of its list entry
//   choose(option)
//   eager: Enter takes the first option; otherwise only one that was moved to

import { debounce, h, show } from "./dom.js";

const WAIT = 90; // ms

export function combobox(input, list, { suggest, draw, choose, eager = false, failed = () => {} }) {
  let options = [];
  let active = -1;
  let asked = new AbortController();

  // A text area has no such state, and says what it suggests by its active option alone.
  const expanded = (yes) => input.role === "combobox" && input.setAttribute("aria-expanded", String(yes));
  const close = () => {
    asked.abort();
    options = [];
    active = -1;
    show(list);
    expanded(false);
    input.removeAttribute("aria-activedescendant");
  };
  const take = (option) => {
    close();
    choose(option);
  };
  const mark = (place) => {
    active = place;
    [...list.children].forEach((entry, n) => entry.setAttribute("aria-selected", String(n === active)));
    if (active < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[active].id);
    list.children[active].scrollIntoView({ block: "nearest" });
  };
  const open = (found) => {
    options = found;
    const entry = (option, n) =>
      h("li", { role: "option", id: `${list.id}-${n}`, "aria-selected": "false", onclick: () => take(option) },
        draw(option));
    show(list, options.map(entry));
    expanded(options.length > 0);
    mark(eager && options.length ? 0 : -1);
  };
  const ask = async () => {
    asked.abort();
    asked = new AbortController();
    const { signal } = asked;
    try {
      const found = await suggest(input.value, signal);
      if (!signal.aborted) open(found);
    } catch (error) {
      if (error.name !== "AbortError") failed(error);
    }
  };
  const keys = {
    ArrowDown: () => (options.length ? mark((active + 1) % options.length) : ask()),
    ArrowUp: () => options.length && mark(active < 1 ? options.length - 1 : active - 1),
    Enter: () => active >= 0 && take(options[active]),
    Escape: close,
  };

  input.addEventListener("input", debounce(WAIT, ask));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  input.addEventListener("blur", close);
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps its focus
  return { close };
}
