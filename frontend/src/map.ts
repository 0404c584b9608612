/** Maps: loaded by pages that have one. MapLibre's worker is our own file, named outright, because a bundler moves it. */
import { setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "./css/map-vendor.css";
import { all, say } from "./lib/page.ts";
import { Island } from "./map/island.ts";

setWorkerUrl(new URL(workerUrl, import.meta.url).href);

const islands = new Map<HTMLElement, Island>();

function refuse(box: HTMLElement): void {
  const text = document.createElement("p");
  text.className = "map-fail";
  text.textContent = say(
    "Trình duyệt này không vẽ được bản đồ (WebGL tắt). Danh sách bên cạnh có cùng nội dung.",
    "This browser cannot draw the map (WebGL is off). The list beside it says the same.",
  );
  box.replaceChildren(text);
  box.dataset["ready"] = "failed";
}

async function begin(): Promise<void> {
  // Names are drawn from the page's own font: wait for it, so that no fallback is kept in the atlas.
  await document.fonts.load('400 24px "Be Vietnam Pro"', "aĐế").catch(() => undefined);
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
