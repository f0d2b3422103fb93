// What the page asks, in one object. The address keeps it after the #, so that a link shows somebody else the same.
//
//   history    [{item_id, title} or {title}], oldest first
//   sentence   what the person says
//   mode       "strict" or "soft"
//   parts      [{words, treat}]: parts of the sentence that are switched "off", or made "soft"
//   k          how many items
//   beside     what stands beside the answer: "" nothing, WITHOUT the one without the sentence, or a bundle's,
//              named by ofBundle(id)

export const EMPTY = Object.freeze({
  history: [], sentence: "", mode: "strict", parts: [], k: 10, beside: "",
});
export const WITHOUT = "sentence";
const BUNDLE = "bundle:";
const BUNDLE_ID = /^[A-Za-z0-9_-]{1,64}$/;
export const COUNTS = [5, 10, 20, 50];

export function createStore(initial) {
  let state = initial;
  const listeners = [];
  return {
    get: () => state,
    listen: (listener) => listeners.push(listener),
    update(changes) {
      state = tidy({ ...state, ...changes });
      for (const listener of listeners) listener(state);
    },
  };
}

export const isEmpty = (state) => state.history.length === 0 && state.sentence.trim() === "";

export const ofBundle = (id) => `${BUNDLE}${id}`;
export const bundleOf = (beside) => (beside.startsWith(BUNDLE) ? beside.slice(BUNDLE.length) : null);

export const sameItem = (one, other) =>
  one.item_id ? one.item_id === other.item_id : !other.item_id && one.title === other.title;

// A part is about words of the sentence: it goes when they go.
function tidy(state) {
  const said = state.sentence.toLowerCase();
  const there = (part) => part.words.toLowerCase().split(", ").every((words) => said.includes(words));
  return { ...state, parts: state.parts.filter(there) };
}

export function toFragment(state) {
  const query = new URLSearchParams();
  for (const item of state.history) query.append(item.item_id ? "item" : "title", item.item_id ?? item.title);
  if (state.sentence.trim()) query.set("say", state.sentence);
  if (state.mode !== EMPTY.mode) query.set("mode", state.mode);
  for (const part of state.parts) query.append(part.treat, part.words);
  if (state.k !== EMPTY.k) query.set("k", state.k);
  if (state.beside === WITHOUT) query.set("compare", "1");
  if (bundleOf(state.beside)) query.set("bundle", bundleOf(state.beside));
  return query.toString();
}

export function fromFragment(fragment) {
  const state = { ...EMPTY, history: [], parts: [] };
  for (const [name, value] of new URLSearchParams(fragment.replace(/^#/, ""))) {
    if (name === "item") state.history.push({ item_id: value, title: value });
    else if (name === "title") state.history.push({ title: value });
    else if (name === "say") state.sentence = value;
    else if (name === "off" || name === "soft") state.parts.push({ words: value, treat: name });
    else if (name === "mode" && value === "soft") state.mode = value;
    else if (name === "k" && COUNTS.includes(Number(value))) state.k = Number(value);
    else if (name === "compare") state.beside = WITHOUT;
    else if (name === "bundle" && BUNDLE_ID.test(value)) state.beside = ofBundle(value);
  }
  return tidy(state);
}
