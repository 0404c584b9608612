/** The small line under a figure: no axis, no chart library, the figure itself says the number. */
import { all, say } from "./lib/page.ts";

interface Series {
  unit?: string;
  quantity?: string;
  points?: { t: string; seen: number | null }[];
}

const NS = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, PAD] = [120, 32, 3];

function draw(box: HTMLElement, { quantity = "", unit = "", points = [] }: Series): void {
  const seen = points.flatMap((point, index) => (typeof point.seen === "number" ? [{ x: index, y: point.seen }] : []));
  const last = seen.at(-1);
  if (!last || seen.length < 2) return;
  const low = Math.min(...seen.map(({ y }) => y));
  const high = Math.max(...seen.map(({ y }) => y));
  const x = (value: number): number => PAD + (value / Math.max(1, points.length - 1)) * (WIDTH - 2 * PAD);
  const y = (value: number): number =>
    high === low ? HEIGHT / 2 : HEIGHT - PAD - ((value - low) / (high - low)) * (HEIGHT - 2 * PAD);
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("class", "sparkline");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${quantity}: ${say("từ", "from")} ${low} ${say("đến", "to")} ${high} ${unit}`);
  const line = document.createElementNS(NS, "polyline");
  line.setAttribute("points", seen.map((point) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`).join(" "));
  line.setAttribute("vector-effect", "non-scaling-stroke");
  svg.append(line);
  box.replaceChildren(svg);
}

async function fill(box: HTMLElement): Promise<void> {
  const address = box.dataset["src"];
  if (!address || box.dataset["ready"] !== undefined) return;
  box.dataset["ready"] = "";
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (answer.ok) draw(box, (await answer.json()) as Series);
  } catch {
    // A figure without its line still says what it must.
  }
}

export function start(): void {
  const fillAll = (): void => all('[data-chart="sparkline"]').forEach((box) => void fill(box));
  document.addEventListener("htmx:after:swap", fillAll);
  fillAll();
}
