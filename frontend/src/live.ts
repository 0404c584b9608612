/** Parts of a page that follow the change stream: refreshed by htmx at most once a second, under the reader's hands. */
import htmx from "htmx.org";
import { all } from "./lib/page.ts";
import { KINDS, type Change } from "./stream.ts";

const PERIOD_MS = 1000;
const dirty = new Set<HTMLElement>();
const rowsBefore = new WeakMap<Element, Set<string>>();
const openBefore = new WeakMap<Element, HTMLDetailsElement[]>();
let timer = 0;
let last = 0;

const busy = (element: HTMLElement): boolean => element.classList.contains("htmx-request");

/** Somebody writes in it, chooses rows of it, or has a dialog or menu of it open: wait until they are done, morphing or not. */
const written = (element: HTMLElement): boolean => {
  if (element.querySelector("dialog[open], details.menu[open], input[name=pick]:checked")) return true;
  if (all<HTMLTextAreaElement>("textarea", element).some((one) => one.value !== one.defaultValue)) return true;
  const active = document.activeElement;
  return active instanceof HTMLElement && element.contains(active) && active.matches("input, textarea, select");
};

function plan(): void {
  if (timer || document.hidden || dirty.size === 0) return;
  timer = window.setTimeout(flush, Math.max(0, last + PERIOD_MS - performance.now()));
}

function flush(): void {
  timer = 0;
  last = performance.now();
  for (const element of [...dirty]) {
    if (!element.isConnected) dirty.delete(element);
    else if (!busy(element) && !written(element)) {
      dirty.delete(element);
      htmx.trigger(element, "vl:refresh", {}, false);
    }
  }
  plan();
}

function mark(kind: string, change: Change): void {
  for (const element of all("[data-live]")) {
    const only = element.dataset["liveRef"];
    const kinds = (element.dataset["live"] ?? "").split(/\s+/);
    // An alert names the incident it belongs to: what the incident's page says about it has changed too.
    if (kinds.includes(kind) && (!only || only === change.ref || only === change["incident"])) dirty.add(element);
  }
  plan();
}

const rowNames = (within: Element): Set<string> =>
  new Set(all("[data-row]", within).map((row) => row.dataset["row"] ?? ""));

/** What came with this refresh slides in, once; what was there stays as it was. */
function greet(element: Element): void {
  const before = rowsBefore.get(element);
  rowsBefore.delete(element);
  if (!before) return;
  for (const row of all("[data-row]", element)) {
    if (before.has(row.dataset["row"] ?? "")) continue;
    row.classList.add("is-new");
    setTimeout(() => row.classList.remove("is-new"), 2600);
  }
}

export function start(): void {
  for (const kind of KINDS) {
    document.addEventListener(`vl:${kind}`, (event) => mark(kind, (event as CustomEvent<Change>).detail));
  }
  document.addEventListener("vl:reset", () => {
    for (const element of all("[data-live]")) dirty.add(element);
    plan();
  });
  document.addEventListener("visibilitychange", plan);
  document.addEventListener("focusout", () => plan());
  document.addEventListener("htmx:before:swap", (event) => {
    const source = event.target;
    if (!(source instanceof HTMLElement) || !source.matches("[data-live]")) return;
    if (written(source)) {
      // A dialog was opened, or typing began, while the answer was on its way: it must not pull the page from under the hands.
      event.preventDefault();
      dirty.add(source);
      return;
    }
    rowsBefore.set(source, rowNames(source));
    openBefore.set(source, all<HTMLDetailsElement>("details[open]", source));
  });
  document.addEventListener("htmx:after:swap", (event) => {
    if (!(event.target instanceof Element) || !event.target.matches("[data-live]")) return;
    greet(event.target);
    // The server knows nothing of what a person unfolded: it stays so.
    for (const one of openBefore.get(event.target) ?? []) if (one.isConnected) one.open = true;
    openBefore.delete(event.target);
  });
  document.addEventListener("htmx:finally:request", plan);
}
