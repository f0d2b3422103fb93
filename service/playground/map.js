// The item map on a canvas: one dot an item, coloured by an attribute; the nearest dot tells its title.

const EDGE = 0.06; // of the canvas, left free around
const NEAR = 14; // pixels from which a dot is pointed at
const CATEGORIES = 7;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// -> {draw(colouring), at(x, y)}; at() gives the number of the nearest dot, or -1.
export function createMap(canvas, points) {
  const size = () => ({ width: canvas.clientWidth, height: canvas.clientHeight });
  const place = (n) => {
    const { width, height } = size();
    return [
      width * (EDGE + ((points.x[n] + 1) / 2) * (1 - 2 * EDGE)),
      height * (EDGE + ((1 - points.y[n]) / 2) * (1 - 2 * EDGE)),
    ];
  };

  function draw(colouring) {
    const { width, height } = size();
    const scale = devicePixelRatio;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const { colourOf } = palette(colouring);
    const radius = points.x.length > 800 ? 2.6 : 4;
    const rest = style("--rest");
    const order = points.x.map((_, n) => n).sort((a, b) => (colourOf(b) === rest) - (colourOf(a) === rest));
    for (const n of order) {
      pen.beginPath();
      pen.arc(...place(n), radius, 0, 2 * Math.PI);
      pen.fillStyle = colourOf(n);
      pen.globalAlpha = 0.85;
      pen.fill();
    }
  }

  function at(x, y) {
    let [best, nearest] = [-1, NEAR];
    for (let n = 0; n < points.x.length; n++) {
      const [left, top] = place(n);
      const distance = Math.hypot(left - x, top - y);
      if (distance < nearest) [best, nearest] = [n, distance];
    }
    return best;
  }

  return { draw, at, place };
}

// The colour of each dot, and what the colours mean: [{text, colour}].
export function palette(colouring) {
  const rest = style("--rest");
  if (!colouring) return { colourOf: () => style("--c1"), legend: [] };
  if (colouring.labels.length) {
    const colours = Array.from({ length: CATEGORIES }, (_, n) => style(`--c${n}`));
    return {
      colourOf: (n) => (colouring.values[n] === null ? rest : colours[colouring.values[n]]),
      legend: [...colouring.labels.map((text, n) => ({ text, colour: colours[n] })), { text: "other", colour: rest }],
    };
  }
  const known = colouring.numbers.filter((number) => number !== null).sort((a, b) => a - b);
  const rank = (number) => known.findIndex((other) => other >= number) / Math.max(known.length - 1, 1);
  const shade = (share) => `color-mix(in oklab, ${style("--c1")}, ${style("--c0")} ${Math.round(100 * share)}%)`;
  const shades = new Map(known.map((number) => [number, shade(rank(number))]));
  return {
    colourOf: (n) => shades.get(colouring.numbers[n]) ?? rest,
    legend: [
      { text: `lowest: ${known[0]}`, colour: shade(0) },
      { text: `middle: ${known[Math.floor(known.length / 2)]}`, colour: shade(0.5) },
      { text: `highest: ${known.at(-1)}`, colour: shade(1) },
    ],
  };
}
