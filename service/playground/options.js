// How to answer: open beside the answer, and folded away above it where the screen is small.

const wide = matchMedia("(min-width: 56.01rem)"); // as ask.css has it

export function startOptions(details) {
  const fit = () => (details.open = wide.matches);
  wide.addEventListener("change", fit);
  fit();
}
