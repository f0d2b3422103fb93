// The search field: finds items of the catalogue as one types and hands the chosen one on.

import { search } from "./api.js";
import { combobox } from "./combobox.js";
import { byId, h } from "./dom.js";
import { summary } from "./words.js";

export function startItems({ kinds, add, failed }) {
  const input = byId("search");

  async function suggest(text, signal) {
    if (!text.trim()) return [];
    const { data } = await search(text, signal);
    return [...data.items, { title: text.trim(), described: true }];
  }

  const draw = (item) => item.described
    ? [h("span", { class: "title" }, `“${item.title}”`), h("span", { class: "hint" }, "add by its title alone")]
    : [h("span", { class: "title" }, item.title || item.item_id), h("span", { class: "hint" }, summary(item, kinds()))];

  function choose(item) {
    input.value = "";
    add(item.described ? { title: item.title } : { item_id: item.item_id, title: item.title || item.item_id });
  }

  combobox(input, byId("search-list"), { suggest, draw, choose, failed, eager: true });
}
