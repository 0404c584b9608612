/** Relative times, kept right against the clock of the page's world. */
import { all, lang } from "./lib/page.ts";
import { agoWords, clock, day, dueState, dueWords } from "./lib/words.ts";

interface Anchor {
  world: number;
  here: number;
  rate: number;
}

const root = document.documentElement;

/** The moment the server wrote `data-world-now`, on this machine's clock: its own setting may be minutes off and does not matter. */
function answeredAt(): number {
  const [entry] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
  return Date.now() - (performance.now() - (entry?.responseStart ?? 0));
}

let anchor: Anchor | null = null;

function anchored(): Anchor {
  if (!anchor) {
    const world = Date.parse(root.dataset["worldNow"] ?? "");
    const rate = Number(root.dataset["worldRate"] ?? "1");
    anchor = Number.isNaN(world)
      ? { world: Date.now(), here: Date.now(), rate: 1 }
      : { world, here: answeredAt(), rate: Number.isFinite(rate) ? rate : 1 };
  }
  return anchor;
}

/** The time in the page's world, ms since 1970. */
export function worldNow(): number {
  const { world, here, rate } = anchored();
  return world + (Date.now() - here) * rate;
}

function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

function updateDue(element: HTMLElement, now: number): void {
  const due = Date.parse(element.getAttribute("datetime") ?? "");
  if (Number.isNaN(due)) return;
  setText(element, dueWords(due, now, lang()));
  const state = dueState(due, now);
  if (element.dataset["dueState"] !== state) element.dataset["dueState"] = state;
  element.closest(".row")?.classList.toggle("is-overdue", state === "over");
}

function updateClock(element: HTMLElement, now: number): void {
  const start = Date.parse(element.dataset["start"] ?? "");
  const end = Date.parse(element.dataset["end"] ?? "");
  const bar = element.querySelector("progress");
  if (!bar || Number.isNaN(start) || Number.isNaN(end)) return;
  const share = end > start ? (now - start) / (end - start) : 1;
  bar.value = Math.max(0, Math.min(100, Math.round(share * 100)));
}

/** Say all times anew; only words that changed are written. */
export function tick(): void {
  const now = worldNow();
  for (const element of all("[data-due]")) updateDue(element, now);
  for (const element of all("[data-clock]")) updateClock(element, now);
  for (const element of all("[data-ago]")) {
    const moment = Date.parse(element.getAttribute("datetime") ?? "");
    if (!Number.isNaN(moment)) setText(element, agoWords(moment, now, lang()));
  }
  for (const element of all("[data-world-clock]")) setText(element, clock(now));
  for (const element of all("[data-world-date]")) setText(element, day(now));
}

export function start(): void {
  const period = (): number => (Math.abs(anchored().rate) > 1 ? 1000 : 5000);
  let timer = 0;
  const beat = (): void => {
    tick();
    clearTimeout(timer);
    if (!document.hidden) timer = window.setTimeout(beat, period());
  };
  document.addEventListener("visibilitychange", beat);
  document.addEventListener("htmx:after:swap", tick);
  document.addEventListener("vl:clock", (event) => {
    const { now, rate } = (event as CustomEvent<{ now?: unknown; rate?: unknown }>).detail;
    const world = typeof now === "string" ? Date.parse(now) : Number.NaN;
    if (Number.isNaN(world)) return;
    anchor = { world, here: Date.now(), rate: typeof rate === "number" ? rate : anchored().rate };
    beat();
  });
  beat();
}
