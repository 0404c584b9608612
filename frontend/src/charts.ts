/** Charts: loaded by pages that have one. The tooltip is drawn on the canvas, because its HTML form writes style attributes,
 *  which the content policy forbids. */
import { LineChart, type LineSeriesOption } from "echarts/charts";
import { GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { LabelLayout } from "echarts/features";
import { CanvasRenderer } from "echarts/renderers";
import { all, calm, colour, fade, lang, onTheme, say } from "./lib/page.ts";
import { clock, inVietnam } from "./lib/words.ts";

use([LineChart, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, LabelLayout, CanvasRenderer]);

interface Point {
  t: string;
  seen: number | null;
  expected?: number | null;
  low?: number | null;
  high?: number | null;
}

export interface Evidence {
  unit: string;
  quantity: string;
  points: Point[];
  onset?: string | null;
  ended?: string | null;
}

const figure = (value: number | null | undefined): string =>
  value === null || value === undefined
    ? "–"
    : new Intl.NumberFormat(lang() === "en" ? "en-GB" : "vi-VN", { maximumFractionDigits: 1 }).format(value);

function moment(value: number): string {
  const local = inVietnam(value);
  return `${clock(value)} ${local.getUTCDate()}/${local.getUTCMonth() + 1}`;
}

const pair = (points: Point[], pick: (point: Point) => number | null | undefined): [number, number | null][] =>
  points.map((point) => [Date.parse(point.t), pick(point) ?? null]);

function tooltip(data: Evidence, at: number): string {
  const point = data.points.find(({ t }) => Date.parse(t) === at);
  if (!point) return "";
  const lines = [moment(at), `${say("Đo được", "Measured")}: ${figure(point.seen)} ${data.unit}`];
  if (point.expected != null) lines.push(`${say("Thường thấy", "Expected")}: ${figure(point.expected)}`);
  if (point.low != null && point.high != null)
    lines.push(`${say("Dải bình thường", "Normal band")}: ${figure(point.low)}–${figure(point.high)}`);
  return lines.join("\n");
}

/** In a sentence, what the picture shows. */
function description(data: Evidence): string {
  const last = data.points.findLast((point) => point.seen !== null);
  const parts = [`${data.quantity} (${data.unit})`];
  if (last) parts.push(say(`lần đo cuối ${figure(last.seen)}`, `last measured ${figure(last.seen)}`));
  if (last?.expected != null)
    parts.push(say(`thường thấy ${figure(last.expected)}`, `expected ${figure(last.expected)}`));
  if (data.onset)
    parts.push(say(`lệch từ ${clock(Date.parse(data.onset))}`, `deviates since ${clock(Date.parse(data.onset))}`));
  return parts.join("; ");
}

function series(data: Evidence, px: number): LineSeriesOption[] {
  const plain = { type: "line" as const, symbol: "none", silent: true, animation: false };
  const end = (text: string, ink: string): NonNullable<LineSeriesOption["endLabel"]> => ({
    show: true,
    formatter: text,
    color: ink,
    fontSize: 11 * px,
    fontFamily: "Be Vietnam Pro",
    distance: 6,
  });
  const banded = data.points.some((point) => point.low != null && point.high != null);
  const expected = data.points.some((point) => point.expected != null);
  const from = data.onset ? Date.parse(data.onset) : null;
  const until = data.ended ? Date.parse(data.ended) : Date.parse(data.points.at(-1)?.t ?? "");
  const span =
    from !== null && !Number.isNaN(until)
      ? {
          silent: true,
          itemStyle: { color: fade(colour("bad-mark"), 0.1) },
          data: [[{ xAxis: from }, { xAxis: until }]],
        }
      : undefined;
  const mark =
    from !== null
      ? {
          silent: true,
          symbol: "none",
          lineStyle: { color: colour("bad-mark"), type: "solid" as const, width: 1.5 * px },
          label: {
            formatter: `${say("lệch từ", "since")} ${clock(from)}`,
            color: colour("bad"),
            fontSize: 11 * px,
            fontFamily: "Be Vietnam Pro",
            position: "end" as const,
          },
          data: [{ xAxis: from }],
        }
      : undefined;
  return [
    ...(banded
      ? [
          {
            ...plain,
            stack: "band",
            stackStrategy: "all" as const,
            lineStyle: { opacity: 0 },
            data: pair(data.points, (p) => p.low),
          },
          {
            ...plain,
            stack: "band",
            stackStrategy: "all" as const,
            lineStyle: { opacity: 0 },
            areaStyle: { color: fade(colour("text-3"), 0.16) },
            data: pair(data.points, (p) => (p.low != null && p.high != null ? p.high - p.low : null)),
          },
        ]
      : []),
    ...(expected
      ? [
          {
            ...plain,
            lineStyle: { color: colour("text-3"), type: "dashed" as const, width: 1.5 * px },
            endLabel: end(say("thường thấy", "expected"), colour("text-2")),
            labelLayout: { moveOverlap: "shiftY" as const },
            data: pair(data.points, (p) => p.expected),
          },
        ]
      : []),
    {
      ...plain,
      silent: false,
      lineStyle: { color: colour("accent"), width: 2.25 * px },
      itemStyle: { color: colour("accent") },
      emphasis: { disabled: true },
      endLabel: end(say("đo được", "measured"), colour("accent")),
      labelLayout: { moveOverlap: "shiftY" as const },
      connectNulls: false,
      data: pair(data.points, (p) => p.seen),
      ...(span ? { markArea: span as NonNullable<LineSeriesOption["markArea"]> } : {}),
      ...(mark ? { markLine: mark } : {}),
    },
  ];
}

class Chart {
  readonly #box: HTMLElement;
  readonly #chart: EChartsType;
  #data: Evidence | null = null;

  constructor(box: HTMLElement) {
    this.#box = box;
    this.#chart = init(box, null, { renderer: "canvas" });
    this.#chart.on("finished", () => {
      if (this.#data) box.dataset["ready"] = "";
    });
    new ResizeObserver(() => {
      this.#chart.resize();
      this.#draw();
    }).observe(box);
    onTheme(() => this.#draw());
  }

  async load(address: string): Promise<void> {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(`${answer.status}`);
    this.#data = (await answer.json()) as Evidence;
    this.#box.setAttribute("role", "img");
    this.#box.setAttribute("aria-label", description(this.#data));
    this.#draw();
  }

  get gone(): boolean {
    return !this.#box.isConnected;
  }

  dispose(): void {
    this.#chart.dispose();
  }

  #draw(): void {
    const data = this.#data;
    if (!data) return;
    const px = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
    const text = { color: colour("text-2"), fontSize: 11 * px, fontFamily: "Be Vietnam Pro" };
    this.#chart.setOption(
      {
        animation: !calm(),
        animationDuration: 250,
        useUTC: true,
        textStyle: { fontFamily: "Be Vietnam Pro" },
        grid: { left: 8 * px, right: 78 * px, top: 30 * px, bottom: 4 * px, containLabel: true },
        xAxis: {
          type: "time",
          axisLabel: { ...text, hideOverlap: true, formatter: (value: number) => clock(value) },
          axisLine: { lineStyle: { color: colour("line") } },
          axisTick: { show: false },
          splitLine: { show: false },
        },
        yAxis: {
          type: "value",
          scale: true,
          splitNumber: 3,
          name: `${data.quantity}, ${data.unit}`,
          nameLocation: "end",
          nameGap: 10 * px,
          nameTextStyle: { ...text, align: "left" },
          axisLabel: { ...text, formatter: (value: number) => figure(value) },
          splitLine: { lineStyle: { color: colour("line") } },
        },
        tooltip: {
          trigger: "axis",
          renderMode: "richText",
          confine: true,
          transitionDuration: 0,
          backgroundColor: colour("raised"),
          borderColor: colour("line"),
          textStyle: { color: colour("text"), fontSize: 12 * px, lineHeight: 19 * px, fontFamily: "Be Vietnam Pro" },
          axisPointer: { type: "line", lineStyle: { color: colour("line-strong"), type: "solid" } },
          formatter: (items: { axisValue?: number }[]) => tooltip(data, Number(items[0]?.axisValue)),
        },
        series: series(data, px),
      },
      { notMerge: true },
    );
  }
}

const charts = new Map<HTMLElement, Chart>();

async function begin(): Promise<void> {
  for (const [box, chart] of charts) {
    if (!chart.gone) continue;
    chart.dispose();
    charts.delete(box);
  }
  const boxes = all('[data-chart="evidence"]').filter((box) => !charts.has(box));
  if (boxes.length === 0) return;
  await document.fonts.load('400 12px "Be Vietnam Pro"', "aĐế").catch(() => undefined);
  for (const box of boxes) {
    const address = box.dataset["src"];
    if (!address || charts.has(box)) continue;
    const chart = new Chart(box);
    charts.set(box, chart);
    chart.load(address).catch(() => {
      box.textContent = say(
        "Chưa đọc được số liệu của biểu đồ. Tải lại trang để thử lại.",
        "The chart's data could not be read. Reload to try again.",
      );
      box.dataset["ready"] = "failed";
    });
  }
}

document.addEventListener("htmx:after:swap", () => void begin());
void begin();
