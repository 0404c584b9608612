/** Light, dark or the system's. The cookie lets the server write the choice into the page, so that nothing flashes. */
import { all } from "./lib/page.ts";

const NAME = "vl_theme";
const YEAR_S = 365 * 86_400;

function stored(): string | null {
  try {
    return localStorage.getItem(NAME);
  } catch {
    return null; // storage may be closed to us; the cookie still works
  }
}

function keep(choice: string): void {
  try {
    localStorage.setItem(NAME, choice);
  } catch {
    // as above
  }
  document.cookie = `${NAME}=${choice}; path=/; max-age=${choice ? YEAR_S : 0}; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
}

function apply(choice: string): void {
  if (choice === "light" || choice === "dark") document.documentElement.dataset["theme"] = choice;
  else delete document.documentElement.dataset["theme"];
  for (const button of all("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset["themeChoice"] === choice));
  }
  document.dispatchEvent(new CustomEvent("vl:theme"));
}

export function start(): void {
  const choice = stored();
  const shown = document.documentElement.dataset["theme"] ?? "";
  if (choice && choice !== shown) {
    keep(choice);
    apply(choice);
  }
  document.addEventListener("click", (event) => {
    const button = (event.target as Element | null)?.closest<HTMLElement>("[data-theme-choice]");
    if (!button) return;
    keep(button.dataset["themeChoice"] ?? "");
    apply(button.dataset["themeChoice"] ?? "");
  });
  addEventListener("storage", (event) => {
    if (event.key === NAME) apply(event.newValue ?? "");
  });
}
