/** Ctrl-K: the pages of this site, and incidents by reference or words. */
import { open, openMenu } from "./dialogs.ts";
import { all, local, use } from "./lib/page.ts";

interface Item {
  title: string;
  url: string;
  hint: string;
}

const PAUSE_MS = 120;
const plain = (text: string): string =>
  text
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .replace(/đ/g, "d")
    .replace(/Đ/g, "D")
    .toLowerCase();

function pages(): Item[] {
  const seen = new Map<string, Item>();
  for (const link of all<HTMLAnchorElement>("a[data-go]")) {
    const name = link.querySelector("span:not(.count)")?.textContent?.trim() ?? link.textContent?.trim() ?? "";
    if (name && !seen.has(link.href)) seen.set(link.href, { title: name, url: link.href, hint: "" });
  }
  return [...seen.values()];
}

async function find(address: string, text: string, signal: AbortSignal): Promise<Item[]> {
  const url = new URL(address, location.href);
  url.searchParams.set("q", text);
  const answer = await fetch(url, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) return [];
  const body = (await answer.json()) as { items?: Partial<Item>[] };
  return (body.items ?? []).flatMap((item) => {
    const inner = local(item.url ?? "");
    return inner ? [{ title: item.title ?? inner, url: inner, hint: item.hint ?? "" }] : [];
  });
}

class Palette {
  #at = 0;
  #timer = 0;
  #asked = new AbortController();
  readonly #dialog: HTMLDialogElement;
  readonly #input: HTMLInputElement;
  readonly #list: HTMLElement;

  constructor(dialog: HTMLDialogElement, input: HTMLInputElement, list: HTMLElement) {
    [this.#dialog, this.#input, this.#list] = [dialog, input, list];
    input.addEventListener("input", () => this.#search());
    input.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("click", (event) => {
      const option = (event.target as Element).closest<HTMLElement>("[role=option]");
      if (option) this.#go(option);
    });
  }

  open(): void {
    const menu = openMenu();
    if (menu) menu.open = false;
    this.#input.value = "";
    this.#show(pages());
    open(this.#dialog);
    this.#input.focus();
  }

  #search(): void {
    clearTimeout(this.#timer);
    this.#asked.abort();
    const text = this.#input.value.trim();
    const own = pages().filter((item) => plain(item.title).includes(plain(text)));
    this.#show(own);
    const address = this.#dialog.dataset["find"];
    if (!address || text.length < 2) return;
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    this.#timer = window.setTimeout(() => {
      find(address, text, signal).then(
        (found) => this.#show([...found, ...own]),
        () => undefined,
      );
    }, PAUSE_MS);
  }

  #show(items: Item[]): void {
    this.#at = 0;
    this.#list.replaceChildren(
      ...items.map((item, index) => {
        const option = document.createElement("li");
        option.id = `palette-${index}`;
        option.setAttribute("role", "option");
        option.dataset["url"] = item.url;
        const name = document.createElement("span");
        name.className = "clip";
        name.textContent = item.title;
        const hint = document.createElement("span");
        hint.className = "hint";
        hint.textContent = item.hint;
        option.append(use(item.hint ? "i-queue" : "i-arrow"), name, hint);
        return option;
      }),
    );
    const none = this.#dialog.querySelector<HTMLElement>("[data-palette-empty]");
    if (none) none.hidden = items.length > 0;
    this.#mark();
  }

  #mark(): void {
    const options = all("[role=option]", this.#list);
    options.forEach((option, index) => option.setAttribute("aria-selected", String(index === this.#at)));
    const now = options[this.#at];
    if (now) this.#input.setAttribute("aria-activedescendant", now.id);
    else this.#input.removeAttribute("aria-activedescendant");
    now?.scrollIntoView({ block: "nearest" });
  }

  #key(event: KeyboardEvent): void {
    if (event.isComposing || event.keyCode === 229) return;
    const options = all("[role=option]", this.#list);
    if (event.key === "ArrowDown") this.#at = Math.min(options.length - 1, this.#at + 1);
    else if (event.key === "ArrowUp") this.#at = Math.max(0, this.#at - 1);
    else if (event.key === "Enter") this.#go(options[this.#at]);
    else return;
    event.preventDefault();
    this.#mark();
  }

  #go(option: HTMLElement | undefined): void {
    const url = local(option?.dataset["url"] ?? "");
    if (!option || !url) return;
    this.#dialog.close();
    location.assign(url);
  }
}

let palette: Palette | undefined;

export function openPalette(): void {
  const dialog = document.getElementById("palette");
  const input = dialog?.querySelector("input");
  const list = dialog?.querySelector("ul");
  if (!(dialog instanceof HTMLDialogElement) || !input || !list) return;
  palette ??= new Palette(dialog, input, list);
  palette.open();
}
