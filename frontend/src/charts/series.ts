/** The lines of an evidence chart: what was measured over what was to be expected, and since when they part. */
import type { LineSeriesOption } from "echarts/charts";
import { colour, fade, say } from "../lib/page.ts";
import { clock } from "../lib/words.ts";
import type { Evidence, Point } from "./words.ts";

export const FONT = "Be Vietnam Pro";

/** Names of lines that end closer than this share of the plot's height are pushed apart. */
const CLOSE = 0.14;

const plain = { type: "line" as const, symbol: "none", silent: true, animation: false };

const pair = (points: Point[], pick: (point: Point) => number | null | undefined): [number, number | null][] =>
  points.map((point) => [Date.parse(point.t), pick(point) ?? null]);

const width = ({ low, high }: Point): number | null => (low != null && high != null ? high - low : null);

/** The normal band: an unseen line at its foot, and its width stacked upon it. */
function band({ points }: Evidence): LineSeriesOption[] {
  const side = { ...plain, stack: "band", stackStrategy: "all" as const, lineStyle: { opacity: 0 } };
  const areaStyle = { color: fade(colour("text-3"), 0.16) };
  return [
    { ...side, data: pair(points, (point) => point.low) },
    { ...side, areaStyle, data: pair(points, width) },
  ];
}

/** By how much the two names at the right end must step aside, in pixels: (measured, expected). */
function apart({ points }: Evidence, px: number): [number, number] {
  const last = points.findLast((point) => point.seen !== null);
  if (last?.seen == null || last.expected == null) return [0, 0];
  const values = points.flatMap((p) => [p.seen, p.expected, p.low, p.high].filter((value) => value != null));
  const share = (last.seen - last.expected) / (Math.max(...values) - Math.min(...values) || 1);
  if (Math.abs(share) > CLOSE) return [0, 0];
  return share >= 0 ? [-7 * px, 7 * px] : [7 * px, -7 * px];
}

const name = (text: string, ink: string, aside: number, px: number): NonNullable<LineSeriesOption["endLabel"]> => ({
  show: true,
  formatter: text,
  color: ink,
  fontSize: 11 * px,
  fontFamily: FONT,
  distance: 6,
  offset: [0, aside],
});

/** Since when it deviates, and until when (or until now). */
function marks(data: Evidence, px: number): Pick<LineSeriesOption, "markArea" | "markLine"> {
  if (!data.onset) return {};
  const from = Date.parse(data.onset);
  const until = Date.parse(data.ended ?? data.points.at(-1)?.t ?? data.onset);
  return {
    markArea: {
      silent: true,
      itemStyle: { color: fade(colour("bad-mark"), 0.1) },
      data: [[{ xAxis: from }, { xAxis: until }]],
    },
    markLine: {
      silent: true,
      symbol: "none",
      lineStyle: { color: colour("bad-mark"), type: "solid", width: 1.5 * px },
      label: {
        formatter: `${say("lệch từ", "since")} ${clock(from)}`,
        color: colour("bad"),
        fontSize: 11 * px,
        fontFamily: FONT,
        position: "end",
      },
      data: [{ xAxis: from }],
    },
  };
}

/** `px` is the scale of the sheet: 1 on a desk, more on a wall. */
export function series(data: Evidence, px: number): LineSeriesOption[] {
  const [measured, expected] = apart(data, px);
  const lines: LineSeriesOption[] = data.points.some((point) => width(point) !== null) ? band(data) : [];
  if (data.points.some((point) => point.expected != null)) {
    lines.push({
      ...plain,
      lineStyle: { color: colour("text-3"), type: "dashed", width: 1.5 * px },
      endLabel: name(say("thường thấy", "expected"), colour("text-2"), expected, px),
      data: pair(data.points, (point) => point.expected),
    });
  }
  lines.push({
    ...plain,
    silent: false,
    lineStyle: { color: colour("accent"), width: 2.25 * px },
    itemStyle: { color: colour("accent") },
    emphasis: { disabled: true },
    endLabel: name(say("đo được", "measured"), colour("accent"), measured, px),
    connectNulls: false,
    data: pair(data.points, (point) => point.seen),
    ...marks(data, px),
  });
  return lines;
}
