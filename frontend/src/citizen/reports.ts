/** Reports on a map: circles that say how many lie there, single reports once they are few. What is shown comes counted from the server. */
import { type GeoJSONSource, Map as MapLibre, type MapMouseEvent, NavigationControl, Popup } from "maplibre-gl";
import { calm, colour, dark, local, onTheme, say } from "../lib/page.ts";
import { FLAT, upright, words } from "../map/flat.ts";
import { bounds, type Collection, labels } from "../map/geometry.ts";
import { paint, style } from "../map/style.ts";

const SETTLED_MS = 120;
const CLOSE = 15.5;
const CLOSER = 2;
const TONES = ["wait", "run", "good", "plain"] as const;

interface Answer extends Collection {
  total: number;
}

const tones = (): Record<(typeof TONES)[number], string> => ({
  wait: colour("moderate-mark"),
  run: colour("accent"),
  good: colour("good-mark"),
  plain: colour("unknown-mark"),
});

export class Reports {
  readonly #box: HTMLElement;
  readonly #map: MapLibre;
  readonly #popup = new Popup({ closeButton: true, offset: 12, maxWidth: "260px", focusAfterOpen: false });
  #timer = 0;
  #asked: AbortController | null = null;

  constructor(box: HTMLElement) {
    this.#box = box;
    const [west = 102, south = 8, east = 110, north = 23.5] = (box.dataset["bounds"] ?? "").split(",").map(Number);
    const coarse = matchMedia("(pointer: coarse)").matches;
    this.#map = new MapLibre({
      container: box,
      style: style({ tiles: null, tilesCredit: "" }),
      locale: words(),
      ...FLAT,
      cooperativeGestures: coarse,
      bounds: [west, south, east, north],
      fitBoundsOptions: { padding: 12 },
    });
    upright(this.#map);
    this.#map.addControl(new NavigationControl({ showCompass: false }), "top-right");
    this.#box.classList.toggle("map-dark", dark());
    this.#map.on("load", () => void this.#load());
    this.#map.on("error", (event) => this.#fail(event.error));
    onTheme(() => this.#repaint());
  }

  /** Bring a place into view, for the list beside the map. */
  show(lon: number, lat: number): void {
    const zoom = Math.max(CLOSE, this.#map.getZoom());
    if (calm()) this.#map.jumpTo({ center: [lon, lat], zoom });
    else this.#map.easeTo({ center: [lon, lat], zoom, duration: 400 });
    this.#box.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
  }

  async #load(): Promise<void> {
    this.#layers();
    try {
      const answer = await fetch(this.#box.dataset["wards"] ?? "");
      if (answer.ok) {
        const wards = (await answer.json()) as Collection;
        (this.#map.getSource("wards") as GeoJSONSource).setData(wards as never);
        (this.#map.getSource("labels") as GeoJSONSource).setData(labels(wards) as never);
        const { ward } = this.#box.dataset;
        if (ward) {
          this.#map.setFilter("ward-chosen", ["==", ["get", "code"], ward]);
          const chosen = bounds({ ...wards, features: wards.features.filter((one) => one.properties?.["code"] === ward) });
          if (chosen) this.#map.fitBounds(chosen, { padding: 24, animate: false });
        }
      }
      await this.#refresh();
    } catch (error) {
      this.#fail(error);
    }
    this.#map.on("moveend", () => {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => void this.#refresh(), SETTLED_MS);
      this.#offer();
    });
    this.#hands();
    this.#map.once("idle", () => (this.#box.dataset["ready"] = ""));
    this.#map.triggerRepaint();
  }

  #layers(): void {
    const colours = tones();
    this.#map.addSource("reports", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
    const one = ["has", "tone"] as never;
    const many = ["has", "reports"] as never;
    const tone = ["match", ["get", "tone"], ...TONES.flatMap((name) => [name, colours[name]]), colours.plain];
    const open = ["in", ["get", "tone"], ["literal", ["wait", "run"]]];
    this.#map.addLayer({
      id: "squares",
      type: "circle",
      source: "reports",
      filter: many,
      paint: {
        "circle-radius": ["interpolate", ["linear"], ["log10", ["get", "reports"]], 0, 11, 1, 14, 2, 18, 3, 22, 5, 28],
        "circle-color": colour("accent"),
        "circle-opacity": 0.92,
        "circle-stroke-width": 2,
        "circle-stroke-color": colour("raised"),
      },
    });
    this.#map.addLayer({
      id: "counts",
      type: "symbol",
      source: "reports",
      filter: many,
      layout: {
        "text-field": ["case", [">=", ["get", "reports"], 10000], ["concat", ["to-string", ["round", ["/", ["get", "reports"], 1000]]], "k"], ["to-string", ["get", "reports"]]],
        "text-font": ["Be Vietnam Pro"],
        "text-size": 12.5,
        "text-allow-overlap": true,
      },
      paint: { "text-color": colour("on-accent") },
    });
    this.#map.addLayer({
      id: "reports",
      type: "circle",
      source: "reports",
      filter: one,
      layout: { "circle-sort-key": ["case", open, 1, 0] as never },
      paint: {
        // Still open: full. Ended: a ring. So that it does not rest on colour alone.
        "circle-radius": ["case", open, 8, 6] as never,
        "circle-color": ["case", open, tone, colour("raised")] as never,
        "circle-stroke-width": ["case", open, 2, 3] as never,
        "circle-stroke-color": ["case", open, colour("raised"), tone] as never,
      },
    });
  }

  async #refresh(): Promise<void> {
    const view = this.#map.getBounds();
    const address = new URL(this.#box.dataset["points"] ?? "", location.href);
    const clamp = (value: number, most: number): string => Math.max(-most, Math.min(most, value)).toFixed(6);
    address.searchParams.set(
      "view",
      [clamp(view.getWest(), 180), clamp(view.getSouth(), 90), clamp(view.getEast(), 180), clamp(view.getNorth(), 90)].join(","),
    );
    address.searchParams.set("zoom", this.#map.getZoom().toFixed(2));
    this.#asked?.abort();
    this.#asked = new AbortController();
    try {
      const answer = await fetch(address, { signal: this.#asked.signal });
      if (!answer.ok) throw new Error(`points: ${answer.status}`);
      const picture = (await answer.json()) as Answer;
      (this.#map.getSource("reports") as GeoJSONSource).setData(picture as never);
      this.#tell(picture.total);
      delete this.#box.dataset["fault"];
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "AbortError")) this.#fail(error);
    }
  }

  #tell(total: number): void {
    const said = document.querySelector("[data-map-said]");
    const words = total.toLocaleString(document.documentElement.lang);
    if (said) said.textContent = say(`${words} phản ánh trong khung`, `${words} in view`);
    this.#box.dataset["total"] = String(total);
  }

  /** A link to the list of what is in view. */
  #offer(): void {
    const link = document.querySelector<HTMLAnchorElement>("[data-here]");
    if (!link) return;
    const address = new URL(link.dataset["here"] ?? "", location.href);
    const view = this.#map.getBounds();
    address.searchParams.set("bbox", [view.getWest(), view.getSouth(), view.getEast(), view.getNorth()].map((side) => side.toFixed(5)).join(","));
    link.href = `${address.pathname}${address.search}#list`;
    link.hidden = false;
  }

  #hands(): void {
    const layers = ["reports", "squares"];
    this.#map.on("mousemove", (event) => {
      this.#map.getCanvas().style.cursor = this.#map.queryRenderedFeatures(event.point, { layers }).length ? "pointer" : "";
    });
    this.#map.on("click", (event) => this.#press(event, layers));
  }

  #press(event: MapMouseEvent, layers: string[]): void {
    const [found] = this.#map.queryRenderedFeatures(event.point, { layers });
    if (!found || found.geometry.type !== "Point") return;
    const center = found.geometry.coordinates as [number, number];
    if (found.properties["reports"] !== undefined) {
      const zoom = this.#map.getZoom() + CLOSER;
      if (calm()) this.#map.jumpTo({ center, zoom });
      else this.#map.easeTo({ center, zoom, duration: 300 });
      return;
    }
    const url = local(String(found.properties["url"] ?? ""));
    if (!url) return;
    const body = document.createElement("div");
    const link = document.createElement("a");
    link.href = url;
    link.textContent = String(found.properties["title"]);
    const line = document.createElement("div");
    line.className = "muted";
    line.textContent = `${String(found.properties["stands"])} · ${String(found.properties["reference"])}`;
    body.append(link, line);
    this.#popup.setLngLat(center).setDOMContent(body).addTo(this.#map);
  }

  #repaint(): void {
    this.#box.classList.toggle("map-dark", dark());
    for (const [layer, values] of Object.entries(paint(false)))
      for (const [key, value] of Object.entries(values)) this.#map.setPaintProperty(layer, key as never, value as never);
    for (const layer of ["reports", "counts", "squares"]) this.#map.removeLayer(layer);
    this.#map.removeSource("reports");
    this.#layers();
    void this.#refresh();
  }

  #fail(error: unknown): void {
    // The list says the same; the map stays as it was.
    this.#box.dataset["fault"] = error instanceof Error ? error.message.slice(0, 200) : "error";
  }
}
