// The insight page: asks once, draws everything, and the map again when its colours change.

import { call, Problem } from "./api.js";
import * as charts from "./charts.js";
import { announce, byId, h, show } from "./dom.js";
import { askForKey } from "./key.js";
import { createMap, palette } from "./map.js";
import { drawProblem } from "./problem.js";
import { drawReports } from "./reports.js";
import { startTheme } from "./theme.js";
import { count, label, percent } from "./words.js";

const AGAIN = 3; // seconds

async function begin() {
  try {
    draw((await call("/catalogue/insight")).data);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.status === 401) return askForKey(begin, problem.body);
    drawProblem(byId("problem"), problem, AGAIN);
    setTimeout(begin, AGAIN * 1000);
  }
}

function draw(found) {
  drawProblem(byId("problem"), null);
  byId("found").hidden = false;
  drawReports(byId("reports"), found.reports);
  startMap(found.map);
  show(byId("experts"), charts.experts(found.experts));
  show(byId("popularity"), charts.popularity(found.popularity));
  show(byId("recommended"), charts.recommended(found.recommended));
  show(byId("reach"), charts.reach(found.reach));
  byId("versions").textContent = `bundle ${found.versions.bundle}, catalogue change ${found.versions.catalogue}, Laser ${found.versions.service}`;
  announce("Drawn");
}

function startMap(points) {
  const canvas = byId("map");
  const map = createMap(canvas, points);
  const choice = byId("colour");
  const { colourings } = points;
  show(choice, colourings.map(({ column }, n) => h("option", { value: n }, label(column))));
  choice.closest("label").hidden = colourings.length === 0;
  const first = colourings.findIndex((colouring) => colouring.labels.length > 0);
  choice.value = String(Math.max(first, 0));

  const redraw = () => {
    const colouring = colourings[Number(choice.value)];
    map.draw(colouring);
    show(byId("legend"), palette(colouring).legend.map(({ text, colour }) => h("li", { "--colour": colour }, text)));
  };
  byId("map-note").textContent = `${count(points.x.length, "item")}; near each other are items whose vectors are alike. The two directions show ${
    percent(points.explained)} of how neighbourhoods differ. A click takes an item to the playground.`;
  choice.addEventListener("change", redraw);
  addEventListener("resize", redraw);
  document.addEventListener("themechange", redraw);

  canvas.addEventListener("pointermove", (event) => tell(map, points, map.at(event.offsetX, event.offsetY)));
  canvas.addEventListener("pointerleave", () => (byId("tip").hidden = true));
  canvas.addEventListener("click", (event) => {
    const n = map.at(event.offsetX, event.offsetY);
    if (n >= 0) location.href = `/#${new URLSearchParams({ item: points.item_ids[n] })}`;
  });
  redraw();
}

function tell(map, points, n) {
  const tip = byId("tip");
  tip.hidden = n < 0;
  if (n < 0) return;
  const [left, top] = map.place(n);
  tip.textContent = points.titles[n] || points.item_ids[n];
  const room = byId("map").clientWidth - tip.offsetWidth - 8;
  tip.style.translate = `${Math.max(8, Math.min(left + 10, room))}px ${Math.max(8, top - 34)}px`;
}

startTheme(byId("theme"));
begin();
