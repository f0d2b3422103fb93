// Light or dark: as the system has it, until the person chooses. Each page starts with it, before anything is drawn.

const NAME = "laser.theme";
const system = matchMedia("(prefers-color-scheme: dark)");

const chosen = () => localStorage.getItem(NAME) ?? (system.matches ? "dark" : "light");

export function startTheme(button) {
  const apply = () => {
    const dark = chosen() === "dark";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    button.setAttribute("aria-pressed", String(dark));
    document.dispatchEvent(new Event("themechange"));
  };
  button.addEventListener("click", () => {
    localStorage.setItem(NAME, chosen() === "dark" ? "light" : "dark");
    apply();
  });
  system.addEventListener("change", apply);
  apply();
}
