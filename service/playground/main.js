// The playground: every part draws what the state holds and changes it; each change is asked of the service.

import { startItems } from "./items.js";
import * as api from "./api.js";
import { createAsker } from "./asker.js";
import { startBeside } from "./beside.js";
import { copies } from "./copy.js";
import { announce, byId } from "./dom.js";
import { startHistory } from "./history.js";
import { askForKey } from "./key.js";
import { drawAccount } from "./account.js";
import { startOptions } from "./options.js";
import { drawProblem } from "./problem.js";
import { bodyOf } from "./request.js";
import { startSentence } from "./sentence.js";
import { createStore, EMPTY, fromFragment, isEmpty, sameItem, toFragment } from "./state.js";
import { drawStarters } from "./starters.js";
import { startTheme } from "./theme.js";
import { drawTiming } from "./timing.js";
import { startUnderstood } from "./understood.js";
import { count } from "./words.js";

const store = createStore(fromFragment(location.hash));
let catalogue = null;
const kinds = () => new Map((catalogue?.columns ?? []).map((column) => [column.name, column.kind]));

function failed(problem, retryIn = 0) {
  byId("answer").removeAttribute("aria-busy");
  if (problem.status === 401) return askForKey(begin, problem.body);
  drawProblem(byId("problem"), problem, retryIn);
}

const drawHistory = startHistory({ get: () => store.get().history, set: (history) => store.update({ history }) });
const sentence = startSentence({ set: (text) => store.update({ sentence: text }), failed });
const drawUnderstood = startUnderstood(byId("understood"), { get: store.get, set: store.update });
const beside = startBeside({ kinds, add, set: (choice) => store.update({ beside: choice }) });
startItems({ kinds, add, failed });
startOptions(byId("options"));
startTheme(byId("theme"));

function add(item) {
  const others = store.get().history.filter((other) => !sameItem(other, item));
  store.update({ history: [...others, { item_id: item.item_id, title: item.title }] });
  announce(`${item.title} added`);
}

const asker = createAsker({
  async ask(state, signal) {
    const body = bodyOf(state);
    return { main: await api.call("/recommend", { body, signal }), body };
  },
  drawn({ main, body }, state) {
    const { data } = main;
    drawProblem(byId("problem"), null);
    drawUnderstood(data.applied.constraint, state);
    beside.answer(state, body, data);
    drawAccount(byId("account"), data, catalogue?.items ?? data.search.allowed);
    drawTiming(byId("timing"), main);
    byId("curl").textContent = beside.commands(state, body);
    byId("details").hidden = false;
    byId("answer").removeAttribute("aria-busy");
    announce(data.items.length ? `${count(data.items.length, "recommendation")}, first ${data.items[0].title}` : "No recommendations");
  },
  failed,
});

function draw(state) {
  drawHistory(state.history);
  sentence.draw(state);
  byId("history-empty").hidden = state.history.length > 0;
  byId("clear").hidden = isEmpty(state);
  for (const input of document.querySelectorAll("input[name=mode]")) input.checked = input.value === state.mode;
  byId("k").value = state.k;
  beside.draw(state);
  byId("welcome").hidden = !isEmpty(state);
  byId("answer").hidden = isEmpty(state);
  const fragment = toFragment(state);
  history.replaceState(null, "", fragment ? `#${fragment}` : location.pathname);
}

function changed(state) {
  draw(state);
  beside.stop();
  if (isEmpty(state)) return drawProblem(byId("problem"), null);
  byId("answer").setAttribute("aria-busy", "true");
  asker.soon(state);
}

async function begin() {
  try {
    catalogue = (await api.catalogue()).data;
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    failed(problem, problem.status === 401 ? 0 : 3);
    if (problem.status !== 401) setTimeout(begin, 3000);
    return;
  }
  drawProblem(byId("problem"), null);
  sentence.offer(catalogue.columns);
  drawStarters(byId("welcome"), catalogue, (items, constraint) => store.update({ history: items, sentence: constraint }));
  byId("welcome").hidden = !isEmpty(store.get());
  await nameItems();
}

// A link holds ids; the titles come from the service. An id it does not have keeps its place and its name.
async function nameItems() {
  const named = await Promise.all(store.get().history.map(async (entry) => {
    if (entry.item_id !== entry.title) return entry;
    const found = await api.item(entry.item_id).catch(() => null);
    return { ...entry, title: found?.data.title || entry.title };
  }));
  store.update({ history: named });
}

store.listen(changed);
byId("k").addEventListener("change", (event) => store.update({ k: Number(event.target.value) }));
byId("clear").addEventListener("click", () => {
  store.update({ ...EMPTY, history: [], parts: [] });
  byId("search").focus();
});
for (const input of document.querySelectorAll("input[name=mode]")) {
  input.addEventListener("change", () => store.update({ mode: input.value }));
}
copies(byId("copy-curl"), () => byId("curl").textContent);
copies(byId("copy-link"), () => location.href);
addEventListener("hashchange", () => {
  store.update(fromFragment(location.hash));
  nameItems();
});

draw(store.get());
begin();
