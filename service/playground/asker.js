// Asks again whenever what is asked changes: a moment after the last change, and never two answers out of order.
//
//   ask(state, signal) -> answer      drawn(answer)      failed(problem, secondsUntilRetry)

import { debounce } from "./dom.js";
import { Problem } from "./api.js";

const WAIT = 160; // ms
const LATER = [0, 429, 503]; // no answer, too many, not now: the same may work in a moment
const LONGEST = 30; // seconds

export function createAsker({ ask, drawn, failed }) {
  let running = new AbortController();
  let again = 0;

  async function now(state) {
    stop();
    running = new AbortController();
    const { signal } = running;
    try {
      const answer = await ask(state, signal);
      if (!signal.aborted) drawn(answer, state);
    } catch (error) {
      if (error.name === "AbortError" || signal.aborted) return;
      if (!(error instanceof Problem)) throw error;
      const wait = LATER.includes(error.status) ? Math.min(error.retryAfter ?? 0, LONGEST) : 0;
      failed(error, wait);
      if (wait) again = setTimeout(now, wait * 1000, state);
    }
  }

  function stop() {
    running.abort();
    clearTimeout(again);
  }

  const soon = debounce(WAIT, now);
  return {
    soon: (state) => {
      stop();
      soon(state);
    },
    now,
    stop,
  };
}
