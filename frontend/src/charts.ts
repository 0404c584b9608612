/** Charts: loaded by pages that have one. The tooltip is drawn on the canvas, because its HTML form writes style attributes,
 *  which the content policy forbids. */
import { LineChart } from "echarts/charts";
import { GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { FONT, series } from "./charts/series.ts";
import { description, type Evidence, figure, tooltip } from "./charts/words.ts";
import { all, calm, colour, onTheme, say } from "./lib/page.ts";
import { clock } from "./lib/words.ts";

use([LineChart, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

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
    const text = { color: colour("text-2"), fontSize: 11 * px, fontFamily: FONT };
    this.#chart.setOption(
      {
        animation: !calm(),
        animationDuration: 250,
        useUTC: true,
        textStyle: { fontFamily: FONT },
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
          textStyle: { color: colour("text"), fontSize: 12 * px, lineHeight: 19 * px, fontFamily: FONT },
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
