/** Several incidents at once: how many are chosen, which steps they allow, and one box for the whole page. Without it all of it works unseen. */
import { all } from "./lib/page.ts";

const boxes = (): HTMLInputElement[] => all<HTMLInputElement>("input[name=pick]");

function show(): void {
  const bar = document.getElementById("several");
  if (!bar) return;
  const chosen = boxes().filter((box) => box.checked);
  const allowed = chosen.map((box) => (box.closest<HTMLElement>("[data-steps]")?.dataset["steps"] ?? "").split(" "));
  const count = bar.querySelector<HTMLElement>("[data-picked]");
  if (count) count.textContent = (count.dataset["words"] ?? "{n}").replace("{n}", String(chosen.length));
  for (const button of all<HTMLButtonElement>("[data-step]", bar)) {
    const able = allowed.filter((steps) => steps.includes(button.dataset["step"] ?? "")).length;
    button.hidden = able === 0;
    const said = button.querySelector("[data-step-count]");
    if (said) said.textContent = able > 0 && able < chosen.length ? `${able}` : "";
  }
  const whole = document.querySelector<HTMLElement>("[data-pick-all]");
  const box = whole?.querySelector("input");
  if (!whole || !box) return;
  whole.hidden = boxes().length === 0;
  box.checked = chosen.length > 0 && chosen.length === boxes().length;
  box.indeterminate = chosen.length > 0 && !box.checked;
}

export function start(): void {
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement)) return;
    if (input.closest("[data-pick-all]")) for (const box of boxes()) box.checked = input.checked;
    if (input.name === "pick" || input.closest("[data-pick-all]")) show();
  });
  document.addEventListener("htmx:after:swap", show);
  window.addEventListener("pageshow", show);
  show();
}
