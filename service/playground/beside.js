// What stands beside the answer: the one without the sentence, or that of another bundle. Which is chosen here, asked
// once the answer is there, and both lists say where the other one has their items.

import * as api from "./api.js";
import { createAsker } from "./asker.js";
import { byId, h, show } from "./dom.js";
import { drawProblem } from "./problem.js";
import { curlOf, withoutSentence } from "./request.js";
import { drawResults } from "./results.js";
import { bundleOf, ofBundle, WITHOUT } from "./state.js";
import { count } from "./words.js";

const LOADING = "bundle_loading";

export function startBeside({ kinds, add, set }) {
  const choice = byId("beside");
  choice.addEventListener("change", () => set(choice.value));

  const asker = createAsker({
    ask: ({ asked }, signal) => api.call(asked.path, { body: asked.body, signal }),
    drawn({ data }, { answer }) {
      told();
      drawResults(byId("results"), answer, { kinds: kinds(), add, other: data });
      drawResults(byId("results-other"), data, { kinds: kinds(), add, other: answer });
      show(byId("common"), inCommon(answer.items, data.items));
    },
    failed(problem, retryIn) {
      const loading = problem.body.code === LOADING;
      told(loading ? "The service loads this bundle, which takes a few seconds." : "", loading ? null : problem, retryIn);
      show(byId("results-other"));
    },
  });

  const told = (waiting = "", problem = null, retryIn = 0) => {
    show(byId("other-wait"), waiting);
    drawProblem(byId("other-problem"), problem, retryIn);
  };

  // Bundles are for keys that may see them; others are offered nothing. Asked for once, when the page has an answer.
  let offered = false;
  async function offer(serving) {
    if (offered) return;
    offered = true;
    try {
      const { data } = await api.bundles();
      const others = data.bundles.filter((each) => each.bundle_id !== serving).reverse();
      addOptions(choice, others.map((each) => option(each.bundle_id, each.bundle_id)));
    } catch (problem) {
      if (!(problem instanceof api.Problem)) throw problem;
      offered = problem.status === 403; // anything else may pass
    }
  }

  return {
    stop: asker.stop,

    draw(state) {
      const bundle = bundleOf(state.beside);
      const known = [...choice.options].some((each) => each.value === state.beside);
      if (!known) addOptions(choice, [option(bundle, bundle)]); // from a link
      choice.value = state.beside;
    },

    // Draws the answer, and asks for what stands beside it.
    answer(state, body, answer) {
      const asked = askedBeside(state, body);
      byId("comparison").classList.toggle("two", asked !== null);
      byId("main-title").hidden = byId("other").hidden = asked === null;
      drawResults(byId("results"), answer, { kinds: kinds(), add, other: asked ? null : undefined });
      offer(answer.versions.bundle);
      if (!asked) return show(byId("common"));
      const [title, other] = titles(state, answer);
      if (byId("other-title").textContent !== other) show(byId("results-other")); // that was another list
      [byId("main-title").textContent, byId("other-title").textContent] = [title, other];
      asker.now({ asked, answer });
    },

    commands(state, body) {
      const asked = askedBeside(state, body);
      return [curlOf(body), asked && curlOf(asked.body, asked.path)].filter(Boolean).join("\n\n");
    },
  };
}

const option = (bundle, text) => h("option", { value: ofBundle(bundle) }, text);

// What is chosen stays chosen.
function addOptions(choice, options) {
  const { value } = choice;
  const known = [...byId("bundles").children].filter((old) => !options.some((option) => option.value === old.value));
  show(byId("bundles"), known, options);
  choice.value = value;
}

function askedBeside({ beside }, body) {
  const bundle = bundleOf(beside);
  if (bundle) return { path: api.bundlePath(bundle), body };
  if (beside === WITHOUT && body.constraint && body.history) return { path: "/recommend", body: withoutSentence(body) };
  return null;
}

function titles({ beside }, answer) {
  const bundle = bundleOf(beside);
  return bundle ? [`In service: ${answer.versions.bundle}`, `Bundle ${bundle}`] : ["With the sentence", "Without it"];
}

function inCommon(items, others) {
  const there = new Map(others.map((item) => [item.item_id, item.rank]));
  const shared = items.filter((item) => there.has(item.item_id));
  const moved = shared.filter((item) => there.get(item.item_id) !== item.rank).length;
  const words = shared.length ? `, ${moved ? `${moved} of them at another place` : "all at the same places"}` : "";
  return [h("b", {}, shared.length), ` of ${count(Math.max(items.length, others.length), "item")} are in both lists${words}.`];
}
