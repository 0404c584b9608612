/** Masks on a citizen's photo: drawn, moved and removed by mouse, finger or keyboard. The number fields of the form stay the truth. */
import { all, say } from "./lib/page.ts";

const SVG = "http://www.w3.org/2000/svg";
const STEP = 8;
const LEAST = 6;
const SIDES = ["x", "y", "w", "h"] as const;

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** Whole pixels within the picture; too small ones are made large enough to be taken hold of. */
export function inside(box: Box, width: number, height: number): Box {
  const w = Math.min(width, Math.max(LEAST, Math.round(box.w)));
  const h = Math.min(height, Math.max(LEAST, Math.round(box.h)));
  return {
    x: Math.min(width - w, Math.max(0, Math.round(box.x))),
    y: Math.min(height - h, Math.max(0, Math.round(box.y))),
    w,
    h,
  };
}

/** What a key does to a box: its new form, null to remove it, undefined for keys that mean nothing here. */
export function pressed(box: Box, key: string, shift: boolean): Box | null | undefined {
  if (key === "Delete" || key === "Backspace") return null;
  const across = key === "ArrowLeft" ? -STEP : key === "ArrowRight" ? STEP : 0;
  const down = key === "ArrowUp" ? -STEP : key === "ArrowDown" ? STEP : 0;
  if (!across && !down) return undefined;
  return shift ? { ...box, w: box.w + across, h: box.h + down } : { ...box, x: box.x + across, y: box.y + down };
}

class Masking {
  private readonly svg: SVGSVGElement;
  private readonly width: number;
  private readonly height: number;
  private readonly form: HTMLFormElement;
  private readonly rows: HTMLElement;

  constructor(form: HTMLFormElement, frame: HTMLElement, image: HTMLImageElement, rows: HTMLElement) {
    this.form = form;
    this.rows = rows;
    this.width = Number(image.getAttribute("width")) || 1;
    this.height = Number(image.getAttribute("height")) || 1;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.svg.setAttribute("role", "group");
    this.svg.setAttribute("aria-label", say("Các ô che", "Masks"));
    frame.append(this.svg);
    this.svg.addEventListener("pointerdown", (event) => this.begin(event));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    rows.addEventListener("input", () => this.draw());
    form.querySelector("[data-masking-add]")?.addEventListener("click", () => {
      const size = Math.round(Math.min(this.width, this.height) / 5);
      this.add({ x: (this.width - size) / 2, y: (this.height - size) / 2, w: size, h: size });
    });
    for (const part of all("[data-masking-tools], [data-masking-help]", form)) part.hidden = false;
    this.draw();
  }

  private fields(row: Element): HTMLInputElement[] {
    return SIDES.map((side) => row.querySelector<HTMLInputElement>(`[name=${side}]`)).filter((one) => one !== null);
  }

  private box(row: Element): Box | null {
    const [x, y, w, h] = this.fields(row).map((field) => (field.value.trim() === "" ? Number.NaN : Number(field.value)));
    const numbers = [x, y, w, h].map(Number);
    return numbers.every(Number.isFinite) && Number(w) > 0 && Number(h) > 0
      ? { x: Number(x), y: Number(y), w: Number(w), h: Number(h) }
      : null;
  }

  private write(row: Element, box: Box | null): void {
    const kept = box && inside(box, this.width, this.height);
    this.fields(row).forEach((field, index) => {
      const side = SIDES[index];
      field.value = kept && side ? String(kept[side]) : "";
    });
  }

  /** Puts a box into the first empty row, made when there is none. */
  private add(box: Box): Element | null {
    const rows = [...this.rows.children];
    if (rows.filter((row) => this.box(row)).length >= (Number(this.form.dataset["most"]) || 50)) return null;
    let row = rows.find((one) => this.fields(one).every((field) => field.value.trim() === ""));
    if (!row) {
      const last = rows.at(-1);
      if (!last) return null;
      row = last.cloneNode(true) as Element;
      this.fields(row).forEach((field, index) => {
        field.setAttribute("aria-label", `${SIDES[index] ?? ""} ${rows.length + 1}`);
      });
      this.rows.append(row);
    }
    this.write(row, box);
    this.draw();
    this.mark(row)?.focus();
    return row;
  }

  private mark(row: Element): SVGElement | null {
    return this.svg.querySelector(`[data-row="${[...this.rows.children].indexOf(row)}"]`);
  }

  private draw(): void {
    const active = document.activeElement?.getAttribute("data-row");
    this.svg.replaceChildren();
    let count = 0;
    [...this.rows.children].forEach((row, index) => {
      const box = this.box(row);
      if (!box) return;
      count += 1;
      const mark = document.createElementNS(SVG, "rect");
      for (const [name, value] of [["x", box.x], ["y", box.y], ["width", box.w], ["height", box.h]] as const) {
        mark.setAttribute(name, String(value));
      }
      mark.setAttribute("data-row", String(index));
      mark.setAttribute("tabindex", "0");
      mark.setAttribute("role", "button");
      const at = `${box.x}, ${box.y}, ${box.w} × ${box.h}`;
      mark.setAttribute("aria-label", say(`Ô che ${count}: ${at}`, `Mask ${count}: ${at}`));
      this.svg.append(mark);
      if (active === String(index)) mark.focus();
    });
    const told = this.form.querySelector<HTMLElement>("[data-masking-count]");
    if (told) told.textContent = `${told.dataset["words"] ?? ""}: ${count}`;
  }

  private key(event: KeyboardEvent): void {
    const row = this.rowOf(event.target);
    const box = row && this.box(row);
    if (!row || !box || event.ctrlKey || event.metaKey || event.altKey) return;
    const after = pressed(box, event.key, event.shiftKey);
    if (after === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.write(row, after);
    this.draw();
    if (after === null) (this.svg.querySelector<SVGElement>("[data-row]") ?? this.form.querySelector<HTMLElement>("[data-masking-add]"))?.focus();
  }

  private rowOf(target: EventTarget | null): Element | undefined {
    const index = target instanceof Element ? target.getAttribute("data-row") : null;
    return index === null ? undefined : this.rows.children[Number(index)];
  }

  private point(event: PointerEvent): { x: number; y: number } {
    const around = this.svg.getBoundingClientRect();
    return {
      x: ((event.clientX - around.left) / around.width) * this.width,
      y: ((event.clientY - around.top) / around.height) * this.height,
    };
  }

  /** On a mask: moves it, near its lower right corner resizes it. Elsewhere: draws a new one. */
  private begin(event: PointerEvent): void {
    if (event.button !== 0) return;
    event.preventDefault();
    const start = this.point(event);
    let row = this.rowOf(event.target);
    const before = row ? this.box(row) : null;
    const near = this.width / 40;
    const sizes = before !== null && start.x > before.x + before.w - near && start.y > before.y + before.h - near;
    const move = (moved: PointerEvent): void => {
      const now = this.point(moved);
      const [dx, dy] = [now.x - start.x, now.y - start.y];
      if (row && before) {
        this.write(row, sizes ? { ...before, w: before.w + dx, h: before.h + dy } : { ...before, x: before.x + dx, y: before.y + dy });
      } else {
        if (Math.hypot(dx, dy) < LEAST) return;
        const box = { x: Math.min(start.x, now.x), y: Math.min(start.y, now.y), w: Math.abs(dx), h: Math.abs(dy) };
        if (!row) row = this.add(box) ?? undefined;
        else this.write(row, box);
      }
      this.draw();
    };
    const end = (): void => {
      this.svg.removeEventListener("pointermove", move);
      if (row) this.mark(row)?.focus();
    };
    this.svg.setPointerCapture(event.pointerId);
    this.svg.addEventListener("pointermove", move);
    this.svg.addEventListener("pointerup", end, { once: true });
    this.svg.addEventListener("pointercancel", end, { once: true });
  }
}

export function start(): void {
  for (const form of all<HTMLFormElement>("[data-masking]")) {
    const frame = form.querySelector<HTMLElement>("[data-masking-frame]");
    const image = frame?.querySelector("img");
    const rows = form.querySelector<HTMLElement>("[data-masking-rows]");
    if (frame && image && rows) new Masking(form, frame, image, rows);
  }
}
