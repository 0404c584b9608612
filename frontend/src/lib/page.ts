/** What every island needs to know about its page. */
import type { Lang } from "./words.ts";

export const lang = (): Lang => (document.documentElement.lang.startsWith("en") ? "en" : "vi");

/** `vi` or `en` by the page's language. */
export const say = (vi: string, en: string): string => (lang() === "en" ? en : vi);

export const all = <T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T[] => [
  ...within.querySelectorAll<T>(selector),
];

export const calm = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Whether the page is dark now: the chosen theme, else the system's. */
export function dark(): boolean {
  const chosen = document.documentElement.dataset["theme"];
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Calls back when the page turns light or dark, by choice or by the system. */
export function onTheme(callback: () => void): void {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", callback);
  document.addEventListener("vl:theme", callback);
}

let probe: HTMLElement | undefined;

/** A colour token as rgb(), for canvases, which know no custom properties. */
export function colour(token: string): string {
  if (!probe) {
    probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
  }
  probe.style.color = `var(--${token})`;
  return getComputedStyle(probe).color;
}

/** The same colour with another opacity, 0 to 1. */
export const fade = (rgb: string, alpha: number): string => {
  const [r = "0", g = "0", b = "0"] = rgb.match(/[\d.]+/g) ?? [];
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
};

/** A drawing of the page's sprite. */
export function use(id: string, css = "icon"): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", css);
  svg.setAttribute("aria-hidden", "true");
  const reference = document.createElementNS("http://www.w3.org/2000/svg", "use");
  reference.setAttribute("href", `#${id}`);
  svg.append(reference);
  return svg;
}

/** Only addresses of this site are followed: what a server answered may hold other people's text. */
export function local(address: string): string | null {
  try {
    const url = new URL(address, location.href);
    return url.origin === location.origin ? url.pathname + url.search + url.hash : null;
  } catch {
    return null;
  }
}
