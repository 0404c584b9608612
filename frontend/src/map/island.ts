/** One map on a page: our wards, what is open in them, and the way from both to lists and incidents. */
import {
  AttributionControl,
  type GeoJSONSource,
  Map as MapLibre,
  type MapMouseEvent,
  NavigationControl,
  Popup,
  ScaleControl,
} from "maplibre-gl";
import { calm, dark, local, onTheme, say } from "../lib/page.ts";
import { FLAT, upright, words } from "./flat.ts";
import { bounds, type Collection, labels } from "./geometry.ts";
import { difference, dressed, type Picture } from "./points.ts";
import { RATIO, symbols } from "./shapes.ts";
import { paint, scale, style } from "./style.ts";

const PERIOD_MS = 1000;
const FAR_ZOOM = 16;

const numbers = (text: string | undefined): number[] =>
  (text ?? "")
    .split(",")
    .map(Number)
    .filter((value) => !Number.isNaN(value));

async function json<T>(address: string): Promise<T> {
  const answer = await fetch(address, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return (await answer.json()) as T;
}

export class Island {
  readonly #box: HTMLElement;
  readonly #map: MapLibre;
  readonly #shown = new Map<number, string>();
  readonly #popup = new Popup({
    closeButton: false,
    closeOnClick: true,
    offset: 14,
    maxWidth: "260px",
    focusAfterOpen: false,
  });
  #open: Record<string, number> = {};
  #hovered: string | null = null;
  #timer = 0;
  #last = 0;
  #stale = false;

  constructor(box: HTMLElement) {
    this.#box = box;
    const { tiles, tilesCredit, center, zoom, quiet, credit } = box.dataset;
    const [lon, lat] = numbers(center);
    const [west, south, east, north] = numbers(box.dataset["bounds"]);
    const coarse = matchMedia("(pointer: coarse)").matches;
    this.#map = new MapLibre({
      container: box,
      style: style({ tiles: tiles ?? null, tilesCredit: tilesCredit ?? "" }),
      locale: words(),
      ...FLAT,
      cooperativeGestures: coarse || quiet !== undefined,
      ...(lon !== undefined && lat !== undefined ? { center: [lon, lat], zoom: Number(zoom) || 13 } : {}),
      ...(north !== undefined
        ? { bounds: [west, south, east, north] as [number, number, number, number], fitBoundsOptions: { padding: 24 } }
        : {}),
    });
    upright(this.#map);
    this.#map.addControl(
      new AttributionControl({ compact: true, ...(credit ? { customAttribution: escapeText(credit) } : {}) }),
    );
    if (quiet === undefined) {
      this.#map.addControl(new NavigationControl({ showCompass: false }), "top-right");
      this.#map.addControl(new ScaleControl({ maxWidth: 90 * scale() }), "bottom-right");
    }
    this.#turn();
    this.#map.on("load", () => void this.#load());
    this.#map.on("error", (event) => this.#fail(event.error));
    onTheme(() => this.#repaint());
    this.#follow();
  }

  async #load(): Promise<void> {
    for (const [id, image] of symbols()) this.#map.addImage(id, image, { pixelRatio: RATIO });
    const { context, wards, points, ward } = this.#box.dataset;
    try {
      const [land, city] = await Promise.all([
        context ? json<Collection>(context) : null,
        wards ? json<Collection>(wards) : null,
      ]);
      if (land) this.#source("context").setData(land as never);
      if (city) this.#city(city);
      if (ward) this.#map.setFilter("ward-chosen", ["==", ["get", "code"], ward]);
      this.#here();
      if (points) await this.#refresh();
    } catch (error) {
      this.#fail(error);
    }
    this.#hands();
    this.#map.once("idle", () => (this.#box.dataset["ready"] = ""));
    this.#map.triggerRepaint();
  }

  #source(id: string): GeoJSONSource {
    return this.#map.getSource(id) as GeoJSONSource;
  }

  #city(wards: Collection): void {
    this.#source("wards").setData(wards as never);
    this.#source("labels").setData(labels(wards) as never);
    const around = bounds(wards);
    const placed = this.#box.dataset["bounds"] ?? this.#box.dataset["center"];
    if (around && !placed) this.#map.fitBounds(around, { padding: 24, animate: false });
  }

  /** One incident's own place, on its page. */
  #here(): void {
    const { center, pointSeverity } = this.#box.dataset;
    const [lon, lat] = numbers(center);
    if (!pointSeverity || lon === undefined || lat === undefined) return;
    const point = {
      type: "Feature" as const,
      id: 0,
      properties: { severity: pointSeverity, kind: "incident" },
      geometry: { type: "Point", coordinates: [lon, lat] },
    };
    const change = difference(this.#shown, [dressed(point)]);
    if (change) void this.#source("points").updateData(change);
  }

  async #refresh(): Promise<void> {
    const address = this.#box.dataset["points"];
    if (!address) return;
    this.#last = performance.now();
    const picture = await json<Picture>(address);
    const change = difference(this.#shown, picture.features.map(dressed));
    if (change) await this.#source("points").updateData(change);
    const open = picture.wards ?? {};
    for (const code of new Set([...Object.keys(open), ...Object.keys(this.#open)])) {
      const now = open[code] ?? 0;
      if (now !== (this.#open[code] ?? 0)) this.#map.setFeatureState({ source: "wards", id: code }, { open: now });
    }
    this.#open = open;
  }

  /** Read again when the stream says so: at most once a second, and not for nobody. */
  #follow(): void {
    const kinds = (this.#box.dataset["liveMap"] ?? "alert incident").split(/\s+/);
    const plan = (): void => {
      this.#stale = true;
      if (this.#timer || document.hidden || !this.#map.loaded) return;
      this.#timer = window.setTimeout(
        () => {
          this.#timer = 0;
          if (!this.#stale || !this.#box.isConnected) return;
          this.#stale = false;
          // The link's state in the bar tells of a lost connection; the next change brings the picture back.
          this.#refresh().catch(() => (this.#stale = true));
        },
        Math.max(0, this.#last + PERIOD_MS - performance.now()),
      );
    };
    for (const kind of kinds) document.addEventListener(`vl:${kind}`, plan);
    document.addEventListener("vl:reset", plan);
    document.addEventListener("visibilitychange", () => this.#stale && plan());
  }

  /** Pointer, finger: hover names, a press goes there. The list beside the map does the same for keys. */
  #hands(): void {
    const map = this.#map;
    const wardLink = this.#box.dataset["wardLink"];
    map.on("mousemove", (event) => this.#hover(event));
    map.on("mouseout", () => this.#leave());
    map.on("click", (event) => {
      const [point] = map.queryRenderedFeatures(event.point, { layers: ["points"] });
      const url = local(String(point?.properties["url"] ?? ""));
      if (point?.properties["url"] && url) {
        if (matchMedia("(hover: none)").matches) this.#say(event, point.properties, url);
        else location.assign(url);
        return;
      }
      const [ward] = map.queryRenderedFeatures(event.point, { layers: ["wards"] });
      const code = String(ward?.properties["code"] ?? "");
      if (!wardLink || !code) return;
      const chosen = code === this.#box.dataset["ward"];
      const target = local(chosen ? wardLink : wardLink + encodeURIComponent(code));
      if (target) location.assign(target);
    });
  }

  #hover(event: MapMouseEvent): void {
    const map = this.#map;
    const [point] = map.queryRenderedFeatures(event.point, { layers: ["points"] });
    const [ward] = map.queryRenderedFeatures(event.point, { layers: ["wards"] });
    const code = ward ? String(ward.properties["code"]) : null;
    if (code !== this.#hovered) {
      if (this.#hovered) map.setFeatureState({ source: "wards", id: this.#hovered }, { hover: false });
      if (code) map.setFeatureState({ source: "wards", id: code }, { hover: true });
      this.#hovered = code;
    }
    map.getCanvas().style.cursor = point?.properties["url"] || (code && this.#box.dataset["wardLink"]) ? "pointer" : "";
    if (point?.properties["title"]) this.#say(event, point.properties, null);
    else if (ward && code) {
      const open = this.#open[code] ?? 0;
      const { wardWords } = this.#box.dataset;
      const count = wardWords
        ? wardWords.replace("{n}", String(open))
        : open
          ? say(`${open} sự việc đang mở`, `${open} open`)
          : say("không có sự việc đang mở", "nothing open");
      this.#show(event, String(ward.properties["name"]), this.#box.dataset["points"] ? count : "", null);
    } else this.#popup.remove();
  }

  #leave(): void {
    if (this.#hovered) this.#map.setFeatureState({ source: "wards", id: this.#hovered }, { hover: false });
    this.#hovered = null;
    this.#popup.remove();
  }

  #say(event: MapMouseEvent, properties: Record<string, unknown>, url: string | null): void {
    const kind =
      properties["kind"] === "alert"
        ? say("Cảnh báo", "Alert")
        : String(properties["ref"] ?? say("Sự việc", "Incident"));
    const late = properties["overdue"] === true ? ` · ${say("quá hạn", "overdue")}` : "";
    this.#show(event, String(properties["title"]), kind + late, url);
  }

  #show(event: MapMouseEvent, title: string, more: string, url: string | null): void {
    const body = document.createElement("div");
    const strong = document.createElement(url ? "a" : "strong");
    strong.textContent = title;
    if (strong instanceof HTMLAnchorElement && url) strong.href = url;
    body.append(strong);
    if (more) {
      const line = document.createElement("div");
      line.className = "muted";
      line.textContent = more;
      body.append(line);
    }
    this.#popup.setLngLat(event.lngLat).setDOMContent(body);
    if (!this.#popup.isOpen()) this.#popup.addTo(this.#map);
  }

  #turn(): void {
    this.#box.classList.toggle("map-dark", dark());
  }

  #repaint(): void {
    this.#turn();
    for (const [layer, values] of Object.entries(paint(this.#box.dataset["tiles"] !== undefined))) {
      for (const [key, value] of Object.entries(values))
        this.#map.setPaintProperty(layer, key as never, value as never);
    }
    for (const [id, image] of symbols()) if (this.#map.hasImage(id)) this.#map.updateImage(id, image);
  }

  #fail(error: unknown): void {
    // A passing fault of one request: the page says more by its list than by an empty map.
    this.#box.dataset["fault"] = error instanceof Error ? error.message.slice(0, 200) : "error";
  }

  /** Bring a place into view, for a list beside the map. */
  show(lon: number, lat: number): void {
    const zoom = Math.min(FAR_ZOOM, Math.max(13, this.#map.getZoom()));
    if (calm()) this.#map.jumpTo({ center: [lon, lat], zoom });
    else this.#map.easeTo({ center: [lon, lat], zoom, duration: 400 });
  }
}

/** Credits are plain text; MapLibre takes HTML. */
function escapeText(text: string): string {
  const span = document.createElement("span");
  span.textContent = text;
  return span.innerHTML;
}
