/** The map's style, built from our own data and the page's design tokens: no tile, glyph or sprite server. */
import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { colour, fade } from "../lib/page.ts";
import type { Collection } from "./geometry.ts";

/** Open incidents from which a ward takes the next shade; the legend (kit/map-legend.html) says the last. */
export const STEPS = [1, 2, 4, 7, 10] as const;
/** A wall draws at the scale of its sheet, like the page around it. */
export const scale = (): number => parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;

const FONT = ["Be Vietnam Pro"];
/** Where a name goes when something happens on its spot: nearest first, in ems. */
const STEPS_ASIDE = [
  ...["center", [0, 0], "top", [0, 0.7], "bottom", [0, -0.7], "left", [0.8, 0], "right", [-0.8, 0]],
  ...["top", [0, 1.6], "bottom", [0, -1.6], "left", [2, 0], "right", [-2, 0]],
] as (string | [number, number])[];
const EMPTY: Collection = { type: "FeatureCollection", features: [] };

export interface Sources {
  tiles: string | null;
  tilesCredit: string;
}

type Paint = Record<string, Record<string, unknown>>;

const heat = (): ExpressionSpecification =>
  [
    "step",
    ["coalesce", ["feature-state", "open"], 0],
    colour("map-ward"),
    ...STEPS.flatMap((from, index) => [from, colour(`heat-${index + 1}`)]),
  ] as unknown as ExpressionSpecification;

/** What depends on the theme, by layer: set again when the page turns light or dark. */
export function paint(tiles: boolean): Paint {
  return {
    // Sea and neighbouring countries alike: we have no outline of either, and must not paint a country as water.
    outside: { "background-color": colour("map-outside") },
    context: { "fill-color": colour("map-land") },
    "context-line": { "line-color": fade(colour("map-border"), 0.5) },
    wards: { "fill-color": heat(), "fill-opacity": tiles ? 0.6 : 1 },
    "wards-line": {
      "line-color": ["case", ["boolean", ["feature-state", "hover"], false], colour("accent"), colour("map-border")],
      "line-width": ["case", ["boolean", ["feature-state", "hover"], false], 2 * scale(), 0.75 * scale()],
    },
    "ward-chosen": { "line-color": colour("accent"), "line-width": 3 * scale() },
    labels: {
      "text-color": colour("map-label"),
      "text-halo-color": fade(colour("map-ward"), 0.7),
      "text-halo-width": 1.25,
    },
    points: {},
  };
}

export function style({ tiles, tilesCredit }: Sources): StyleSpecification {
  const colours = paint(tiles !== null);
  const grown = scale();
  const layer = (id: string, rest: object): LayerSpecification =>
    ({ id, paint: colours[id] ?? {}, ...rest }) as LayerSpecification;
  return {
    version: 8,
    sources: {
      ...(tiles ? { tiles: { type: "raster", tiles: [tiles], tileSize: 256, attribution: tilesCredit } } : {}),
      context: { type: "geojson", data: EMPTY as never },
      wards: { type: "geojson", data: EMPTY as never, promoteId: "code", tolerance: 0.2 },
      labels: { type: "geojson", data: EMPTY as never },
      points: { type: "geojson", data: EMPTY as never },
    },
    layers: [
      layer("outside", { type: "background" }),
      layer("context", { type: "fill", source: "context" }),
      ...(tiles ? [layer("tiles", { type: "raster", source: "tiles" })] : []),
      layer("context-line", { type: "line", source: "context" }),
      layer("wards", { type: "fill", source: "wards" }),
      layer("wards-line", { type: "line", source: "wards" }),
      layer("ward-chosen", { type: "line", source: "wards", filter: ["==", ["get", "code"], ""] }),
      layer("labels", {
        type: "symbol",
        source: "labels",
        layout: {
          "text-field": ["get", "name"],
          "text-font": FONT,
          "text-size": ["interpolate", ["linear"], ["zoom"], 9, 10 * grown, 12, 12.5 * grown, 15, 15 * grown],
          "text-max-width": 7,
          "text-line-height": 1.35,
          "text-padding": 1,
          // A name steps aside for what happens there.
          "text-variable-anchor-offset": STEPS_ASIDE,
          "symbol-sort-key": ["-", 0, ["get", "size"]],
        },
      }),
      layer("points", {
        type: "symbol",
        source: "points",
        layout: {
          "icon-image": ["get", "icon"],
          "icon-size": ["interpolate", ["linear"], ["zoom"], 8, 0.6 * grown, 12, 0.9 * grown, 15, 1.15 * grown],
          "icon-allow-overlap": true,
          "icon-padding": 0,
          // The worst lies on top.
          "symbol-sort-key": ["get", "weight"],
        },
      }),
    ],
  };
}
