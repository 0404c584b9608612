/** The public map of reports. The page works without it: its list can do the same. */
import { setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import "./css/map-vendor.css";
import { all, say } from "./lib/page.ts";
import { Reports } from "./citizen/reports.ts";

setWorkerUrl(new URL(workerUrl, import.meta.url).href);

async function begin(): Promise<void> {
  await document.fonts.load('400 24px "Be Vietnam Pro"', "aĐế0").catch(() => undefined);
  for (const box of all("[data-reports-map]")) {
    try {
      const map = new Reports(box);
      for (const button of all<HTMLButtonElement>("[data-show]")) {
        button.hidden = false;
        button.addEventListener("click", () => {
          const [lon, lat] = (button.dataset["show"] ?? "").split(",").map(Number);
          if (lon !== undefined && lat !== undefined) map.show(lon, lat);
        });
      }
    } catch {
      const text = document.createElement("p");
      text.className = "map-fail";
      text.textContent = say(
        "Trình duyệt này không vẽ được bản đồ (WebGL tắt). Danh sách bên cạnh có cùng nội dung.",
        "This browser cannot draw the map (WebGL is off). The list beside it says the same.",
      );
      box.replaceChildren(text);
      box.dataset["ready"] = "failed";
    }
  }
}

void begin();
