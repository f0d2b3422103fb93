// A button that copies a text and says so for a moment.

import { announce, h } from "./dom.js";

export function copies(button, text) {
  const name = button.textContent;
  button.addEventListener("click", async () => {
    await copy(text());
    button.textContent = "Copied";
    announce("Copied");
    setTimeout(() => (button.textContent = name), 1500);
  });
}

// The clipboard's own interface exists on HTTPS and loopback alone; elsewhere a selection is copied.
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = h("textarea", { class: "hidden" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
