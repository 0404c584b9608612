/** The public map of reports. The page works without it: its list can do the same. */
import "./css/map-vendor.css";
import { all } from "./lib/page.ts";
import { Reports } from "./citizen/reports.ts";
import { fonts, refuse } from "./map/flat.ts";

async function begin(): Promise<void> {
  await fonts();
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
      refuse(box);
    }
  }
}

void begin();
