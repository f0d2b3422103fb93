// The API key, where the service asks for one. It stays in this tab (sessionStorage) and goes nowhere but to the service.

import { byId } from "./dom.js";

const NAME = "laser.key";

export const key = () => sessionStorage.getItem(NAME) ?? "";

export const keyHeaders = () => (key() ? { Authorization: `Bearer ${key()}` } : {});

// Shows the form where the service refused; `then` is called once a key was given.
export function askForKey(then, problem) {
  const dialog = byId("key-dialog");
  byId("key-problem").textContent = problem.code === "key_missing" ? "" : `${problem.title}. ${problem.detail}`;
  byId("key-form").onsubmit = () => {
    sessionStorage.setItem(NAME, byId("key-input").value.trim());
    byId("key-input").value = "";
    then();
  };
  if (!dialog.open) dialog.showModal();
}

export function forgetKey() {
  sessionStorage.removeItem(NAME);
}
