/** Small geometry for labels and bounds; degrees are good enough within a city. */
export type Ring = [number, number][];

export interface Feature {
  type: "Feature";
  id?: number | string;
  properties: Record<string, unknown> | null;
  geometry: { type: string; coordinates: unknown } | null;
}

export interface Collection {
  type: "FeatureCollection";
  features: Feature[];
}

export function outerRings(feature: Feature): Ring[] {
  const { geometry } = feature;
  if (geometry?.type === "Polygon") return [(geometry.coordinates as Ring[])[0] ?? []];
  if (geometry?.type === "MultiPolygon") return (geometry.coordinates as Ring[][]).map((polygon) => polygon[0] ?? []);
  return [];
}

export function area(ring: Ring): number {
  let doubled = 0;
  for (let at = 0, before = ring.length - 1; at < ring.length; before = at++) {
    const [x1, y1] = ring[before] ?? [0, 0];
    const [x2, y2] = ring[at] ?? [0, 0];
    doubled += x1 * y2 - x2 * y1;
  }
  return Math.abs(doubled) / 2;
}

/** A place well inside a ring for its name: the middle of the widest stretch on a few levels, the middle levels preferred. */
export function labelPoint(ring: Ring): [number, number] {
  const ys = ring.map(([, y]) => y);
  const low = Math.min(...ys);
  const high = Math.max(...ys);
  let best: [number, number] = ring[0] ?? [0, 0];
  let widest = -1;
  for (const share of [0.5, 0.42, 0.58, 0.35, 0.65, 0.28, 0.72]) {
    const y = low + (high - low) * share;
    const cuts: number[] = [];
    for (let at = 0, before = ring.length - 1; at < ring.length; before = at++) {
      const [x1, y1] = ring[before] ?? [0, 0];
      const [x2, y2] = ring[at] ?? [0, 0];
      if (y1 > y !== y2 > y) cuts.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
    }
    cuts.sort((a, b) => a - b);
    for (let at = 0; at + 1 < cuts.length; at += 2) {
      const left = cuts[at] ?? 0;
      const right = cuts[at + 1] ?? 0;
      const worth = (right - left) * (1 - Math.abs(share - 0.5));
      if (worth > widest) [widest, best] = [worth, [(left + right) / 2, y]];
    }
  }
  return best;
}

/** One point per ward, in its largest part, with its name and code; larger wards first when names collide. */
export function labels(wards: Collection): Collection {
  const features = wards.features.flatMap((ward): Feature[] => {
    const [largest] = outerRings(ward).sort((a, b) => area(b) - area(a));
    if (!largest || largest.length < 4) return [];
    const properties = {
      name: ward.properties?.["name"] ?? "",
      code: ward.properties?.["code"] ?? "",
      size: area(largest),
    };
    return [{ type: "Feature", properties, geometry: { type: "Point", coordinates: labelPoint(largest) } }];
  });
  return { type: "FeatureCollection", features };
}

export function bounds(of: Collection): [number, number, number, number] | null {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const feature of of.features) {
    for (const ring of outerRings(feature)) {
      for (const [x, y] of ring) {
        [west, south, east, north] = [Math.min(west, x), Math.min(south, y), Math.max(east, x), Math.max(north, y)];
      }
    }
  }
  return west < east ? [west, south, east, north] : null;
}
