/** The desk's keyboard. Quiet while somebody types, and while an input method composes (Telex, VNI). */
import { open, opened, openMenu } from "./dialogs.ts";
import { all } from "./lib/page.ts";
import { openPalette } from "./palette.ts";

const ROWS = "[data-row], li.row";
const GO_MS = 1500;
let selected = "";
let goUntil = 0;

export const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])"));

/** The letter meant, whatever an input method made of it: â and Â are `a`, đ is `d`. */
export function letter(event: Pick<KeyboardEvent, "key" | "code">): string {
  if (/^[\x20-\x7e]$/.test(event.key)) return event.key.toLowerCase();
  const plain = event.key
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/[đĐ]/, "d")
    .toLowerCase();
  if (/^[a-z]$/.test(plain)) return plain;
  return /^Key([A-Z])$/.exec(event.code)?.[1]?.toLowerCase() ?? event.key;
}

const visible = (element: HTMLElement): boolean => element.checkVisibility?.() ?? element.offsetParent !== null;

const rows = (): HTMLElement[] =>
  all("[data-keylist]")
    .flatMap((list) => all(ROWS, list))
    .filter(visible);

const rowId = (row: HTMLElement): string => row.dataset["row"] ?? row.id;

function select(row: HTMLElement | undefined, focus = true): void {
  for (const other of all(".is-selected")) if (other !== row) other.classList.remove("is-selected");
  if (!row) return;
  selected = rowId(row);
  row.classList.add("is-selected");
  if (!focus) return;
  row.querySelector<HTMLElement>("a, button")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function move(step: 1 | -1): void {
  const list = rows();
  const at = list.findIndex((row) => rowId(row) === selected);
  select(list[at < 0 ? (step > 0 ? 0 : list.length - 1) : Math.max(0, Math.min(list.length - 1, at + step))]);
}

const current = (): HTMLElement | undefined => rows().find((row) => selected !== "" && rowId(row) === selected);

/** The control a letter stands for: of the open dialog, else of the selected row, else of the page. */
function control(key: string): HTMLElement | undefined {
  const wanted = `[data-key="${CSS.escape(key)}"]`;
  const usable = (element: HTMLElement): boolean =>
    visible(element) && !element.matches(":disabled, [aria-disabled=true]");
  const dialog = opened();
  if (dialog) return all(wanted, dialog).find(usable);
  const row = current();
  const inRow = row ? all(wanted, row).find(usable) : undefined;
  return inRow ?? all(wanted).find((element) => usable(element) && !element.closest("[data-keylist]"));
}

function title(element: HTMLElement): string {
  const named = element.dataset["keyTitle"] ?? element.getAttribute("aria-label");
  if (named) return named;
  const copy = element.cloneNode(true) as HTMLElement;
  for (const kbd of all("kbd", copy)) kbd.remove();
  return (copy.textContent ?? "").replace(/\s+/g, " ").trim();
}

export function openKeys(): void {
  const dialog = document.getElementById("keys");
  const here = dialog?.querySelector("[data-keys-here]");
  if (!(dialog instanceof HTMLDialogElement) || !here) return;
  const seen = new Map<string, string>();
  for (const element of all("[data-key]")) {
    const key = element.dataset["key"] ?? "";
    if (!seen.has(key) && visible(element)) seen.set(key, title(element));
  }
  here.replaceChildren(
    ...[...seen].map(([key, text]) => {
      const line = document.createElement("div");
      const term = document.createElement("dt");
      const definition = document.createElement("dd");
      const kbd = document.createElement("kbd");
      term.textContent = text;
      kbd.textContent = key;
      definition.append(kbd);
      line.append(term, definition);
      return line;
    }),
  );
  if (here.parentElement) here.parentElement.hidden = seen.size === 0;
  for (const [need, present] of [
    ["list", rows().length > 0],
    ["search", document.querySelector("[data-search]") !== null],
  ] as const) {
    for (const line of all(`[data-needs="${need}"]`, dialog)) line.hidden = !present;
  }
  open(dialog);
}

function escape(event: KeyboardEvent): void {
  if (opened()) return; // the dialog closes itself
  const menu = openMenu();
  const active = document.activeElement;
  if (menu) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  } else if (typing(active) && active instanceof HTMLElement) active.blur();
  else document.querySelector<HTMLAnchorElement>("a[data-back]")?.click();
  event.preventDefault();
}

function press(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  const key = letter(event);
  if ((event.ctrlKey || event.metaKey) && !event.altKey && key === "k" && document.getElementById("palette")) {
    event.preventDefault();
    openPalette();
    return;
  }
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target instanceof HTMLTextAreaElement) {
    event.preventDefault();
    event.target.form?.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return escape(event);
  if (typing(event.target)) return;
  if (!opened()) {
    if (event.key === "?") return void (event.preventDefault(), openKeys());
    if (event.key === "/") {
      const search = document.querySelector<HTMLInputElement>("[data-search]");
      if (search) return void (event.preventDefault(), search.focus(), search.select());
    }
    if (key === "j" || key === "k") return void (event.preventDefault(), move(key === "j" ? 1 : -1));
    if (event.key === "Enter" && document.activeElement === document.body)
      return current()?.querySelector<HTMLElement>("a, button")?.click();
  }
  if (event.repeat || !/^[a-z0-9]$/.test(key)) return;
  const going =
    performance.now() < goUntil ? document.querySelector<HTMLElement>(`[data-go-key="${CSS.escape(key)}"]`) : null;
  const found = going ?? control(key);
  goUntil = !found && key === "g" ? performance.now() + GO_MS : 0;
  if (found) {
    event.preventDefault();
    found.click();
  }
}

export function start(): void {
  document.addEventListener("keydown", press);
  document.addEventListener("focusin", (event) => {
    const row = (event.target as Element | null)?.closest<HTMLElement>(ROWS);
    if (row?.closest("[data-keylist]")) select(row, false);
  });
  // A refresh writes the server's attributes back: the selection is ours and stays.
  document.addEventListener("htmx:after:swap", () => {
    const row = current();
    if (row) select(row, document.activeElement === document.body);
  });
  document.addEventListener("click", (event) => {
    const target = event.target as Element | null;
    if (target?.closest("[data-open-keys]")) openKeys();
    if (target?.closest("[data-open-palette]")) openPalette();
  });
}
