/** Maps: loaded by pages that have one. */
import "./css/map-vendor.css";
import { all } from "./lib/page.ts";
import { fonts, refuse } from "./map/flat.ts";
import { Island } from "./map/island.ts";

const islands = new Map<HTMLElement, Island>();

async function begin(): Promise<void> {
  await fonts();
  for (const box of all("[data-map]")) {
    if (islands.has(box)) continue;
    try {
      islands.set(box, new Island(box));
    } catch {
      refuse(box);
    }
  }
}

document.addEventListener("click", (event) => {
  const place = (event.target as Element | null)?.closest<HTMLElement>("[data-show-on-map]")?.dataset["showOnMap"];
  const [lon, lat] = (place ?? "").split(",").map(Number);
  if (!place || lon === undefined || lat === undefined) return;
  for (const island of islands.values()) island.show(lon, lat);
});
document.addEventListener("htmx:after:swap", () => void begin());
void begin();
