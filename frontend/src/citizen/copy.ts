/** One press copies the secret link. Without a script the field can be selected by hand. */
import { all } from "../lib/page.ts";

export function start(): void {
  for (const button of all<HTMLButtonElement>("[data-copy]")) {
    const field = button.parentElement?.querySelector<HTMLInputElement>("[data-copy-from]");
    if (!field || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(field.value);
        button.textContent = button.dataset["done"] ?? "";
      } catch {
        field.select();
      }
    });
  }
}
