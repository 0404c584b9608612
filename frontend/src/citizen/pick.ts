/** A small map to tap on: loaded when somebody asks for it, because it weighs more than the rest of the page. */
import { type GeoJSONSource, Map as MapLibre, Marker, NavigationControl } from "maplibre-gl";
import "../css/map-vendor.css";
import { say } from "../lib/page.ts";
import { FLAT, upright, words } from "../map/flat.ts";
import { bounds, type Collection, labels } from "../map/geometry.ts";
import { style } from "../map/style.ts";

export class Pick {
  readonly #map: MapLibre;
  readonly #marker = new Marker({ color: "#0a6675" });

  constructor(box: HTMLElement, start: { lon: number; lat: number } | null, put: (lon: number, lat: number) => void) {
    this.#map = new MapLibre({
      container: box,
      style: style({ tiles: null, tilesCredit: "" }),
      locale: words(say("Bản đồ: chạm vào đúng chỗ", "Map: tap the place")),
      ...FLAT,
      ...(start ? { center: [start.lon, start.lat], zoom: 15 } : {}),
    });
    upright(this.#map);
    this.#map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this.#map.on("load", () => void this.#load(box, start !== null));
    this.#map.on("click", ({ lngLat }) => put(lngLat.lng, lngLat.lat));
    if (start) this.show(start);
  }

  show({ lon, lat }: { lon: number; lat: number }): void {
    this.#marker.setLngLat([lon, lat]).addTo(this.#map);
    if (!this.#map.getBounds().contains([lon, lat])) this.#map.jumpTo({ center: [lon, lat], zoom: 15 });
  }

  async #load(box: HTMLElement, placed: boolean): Promise<void> {
    const answer = await fetch(box.dataset["wards"] ?? "");
    if (answer.ok) {
      const wards = (await answer.json()) as Collection;
      (this.#map.getSource("wards") as GeoJSONSource).setData(wards as never);
      (this.#map.getSource("labels") as GeoJSONSource).setData(labels(wards) as never);
      const around = bounds(wards);
      if (around && !placed) this.#map.fitBounds(around, { padding: 12, animate: false });
    }
    this.#map.once("idle", () => (box.dataset["ready"] = ""));
    this.#map.triggerRepaint();
  }
}
