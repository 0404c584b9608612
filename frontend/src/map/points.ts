/** Live points: what came from the server becomes the smallest change of the map's source. */
import type { GeoJSONSourceDiff } from "maplibre-gl";
import type { Collection, Feature } from "./geometry.ts";
import { name, SEVERITIES, type Severity } from "./shapes.ts";

export interface Picture extends Collection {
  /** Open incidents by ward code; wards without any may be left out. */
  wards?: Record<string, number>;
}

const severityOf = (value: unknown): Severity => SEVERITIES.find((known) => known === value) ?? "Unknown";

/** The feature as the map draws it: its icon, and its weight when several lie on one another. */
export function dressed(feature: Feature): Feature {
  const given = feature.properties ?? {};
  const severity = severityOf(given["severity"]);
  const kind = given["kind"] === "alert" ? "alert" : "incident";
  const late = kind === "incident" && given["overdue"] === true;
  const weight =
    (SEVERITIES.length - SEVERITIES.indexOf(severity)) * 4 + (kind === "incident" ? 2 : 0) + (late ? 1 : 0);
  return { ...feature, properties: { ...given, severity, kind, icon: name(severity, kind, late), weight } };
}

/** What must change so that `before` (id → JSON) shows `after`; null when nothing must. Updates `before`. */
export function difference(before: Map<number, string>, after: Feature[]): GeoJSONSourceDiff | null {
  const add: Feature[] = [];
  const update: NonNullable<GeoJSONSourceDiff["update"]> = [];
  const here = new Set<number>();
  for (const feature of after) {
    const id = Number(feature.id);
    if (!Number.isSafeInteger(id) || !feature.geometry) continue;
    here.add(id);
    const text = JSON.stringify(feature);
    const old = before.get(id);
    if (old === text) continue;
    before.set(id, text);
    if (old === undefined) add.push(feature);
    else {
      const properties = Object.entries(feature.properties ?? {}).map(([key, value]) => ({ key, value }));
      update.push({
        id,
        newGeometry: feature.geometry as never,
        removeAllProperties: true,
        addOrUpdateProperties: properties,
      });
    }
  }
  const remove = [...before.keys()].filter((id) => !here.has(id));
  for (const id of remove) before.delete(id);
  if (!add.length && !update.length && !remove.length) return null;
  return { add: add as never, update, remove };
}
