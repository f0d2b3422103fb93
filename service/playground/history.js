// The history: a list that is ordered by dragging or with the arrow keys, and shortened with a button.

import { announce, byId, h, show } from "./dom.js";

export function startHistory({ get, set }) {
  const list = byId("history");

  const move = (from, to) => {
    const items = [...get()];
    if (to < 0 || to >= items.length || to === from) return;
    const [moved] = items.splice(from, 1);
    items.splice(to, 0, moved);
    set(items);
    announce(`${moved.title}: place ${to + 1} of ${items.length}`);
    list.children[to].querySelector(".handle").focus();
  };

  const remove = (place) => {
    const items = [...get()];
    const [gone] = items.splice(place, 1);
    set(items);
    announce(`${gone.title} removed`);
    const next = list.children[Math.min(place, items.length - 1)]?.querySelector(".remove");
    (next ?? byId("search")).focus();
  };

  const onkeydown = (place) => (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (by) {
      event.preventDefault();
      move(place, place + by);
    }
  };

  const entry = (item, place) =>
    h("li", {},
      h("button", {
        class: "handle", type: "button", "aria-label": `Move ${item.title}`, "aria-describedby": "history-help",
        onkeydown: onkeydown(place), onpointerdown: (event) => drag(event, place),
      }, h("span", { "aria-hidden": "true" }, "⠿")),
      h("span", { class: "title" }, item.title, !item.item_id && h("span", { class: "hint" }, " by its title")),
      h("button", { class: "remove", type: "button", "aria-label": `Remove ${item.title}`, onclick: () => remove(place) },
        h("span", { "aria-hidden": "true" }, "×")));

  // Follows a finger or a mouse: the entry moves with it, and takes the place where it is let go.
  function drag(event, from) {
    const moved = list.children[from];
    const places = [...list.children].map((child) => child.getBoundingClientRect());
    const handle = event.currentTarget;
    let to = from;
    handle.setPointerCapture(event.pointerId);
    moved.classList.add("dragged");
    const follow = ({ clientY }) => {
      moved.style.translate = `0 ${clientY - event.clientY}px`;
      const middle = places[from].top + places[from].height / 2 + clientY - event.clientY;
      to = places.filter((place, n) => n !== from && place.top + place.height / 2 < middle).length;
    };
    const end = (kept) => () => {
      handle.onpointermove = handle.onpointerup = handle.onpointercancel = null;
      moved.classList.remove("dragged");
      moved.style.translate = "";
      if (kept) move(from, to);
    };
    handle.onpointermove = follow;
    handle.onpointerup = end(true);
    handle.onpointercancel = end(false);
  }

  return (items) => show(list, items.map(entry));
}
