/** While one writes: what was reported near there, and the likeliest kind of matter. Both propose; nothing is filled in by itself. */
import { say } from "../lib/page.ts";

interface Hints {
  near: string;
  category: { code: string; name: string } | null;
}

const PAUSE_MS = 700;

function field<T extends HTMLElement>(form: HTMLFormElement, name: string): T | null {
  return form.querySelector<T>(`[name=${name}]`);
}

/** A press on "me too" leaves the form: what it does needs none of what was written. */
function join(address: string): void {
  const form = document.createElement("form");
  form.method = "post";
  form.action = address;
  const part = document.createElement("input");
  part.type = "hidden";
  part.name = "part";
  part.value = "joined";
  form.append(part);
  form.hidden = true;
  document.body.append(form);
  form.submit();
}

function propose(box: HTMLElement, chosen: HTMLSelectElement, found: Hints["category"]): void {
  if (!found || chosen.value === found.code) {
    box.hidden = true;
    return;
  }
  if (box.dataset["code"] === found.code && !box.hidden) return;
  box.dataset["code"] = found.code;
  const words = document.createElement("span");
  words.textContent = `${say("Có lẽ là:", "Probably:")} ${found.name}`;
  const yes = document.createElement("button");
  yes.type = "button";
  yes.className = "button";
  yes.textContent = say("Chọn loại này", "Choose it");
  yes.addEventListener("click", () => {
    chosen.value = found.code;
    chosen.dispatchEvent(new Event("change", { bubbles: true }));
    box.hidden = true;
    chosen.focus();
  });
  box.replaceChildren(words, yes);
  box.hidden = false;
}

export function start(form: HTMLFormElement): void {
  const address = form.dataset["hints"];
  const near = form.querySelector<HTMLElement>("[data-near]");
  const suggested = form.querySelector<HTMLElement>("[data-suggested]");
  const category = field<HTMLSelectElement>(form, "category");
  const words = field<HTMLTextAreaElement>(form, "description");
  if (!address || !near || !suggested || !category || !words) return;
  let timer = 0;
  let asked: AbortController | null = null;
  const look = async (): Promise<void> => {
    const body = new URLSearchParams();
    for (const name of ["lat", "lon", "category", "description"]) {
      body.set(name, field<HTMLInputElement>(form, name)?.value ?? "");
    }
    if (!body.get("lat") && !body.get("description")) return;
    asked?.abort();
    asked = new AbortController();
    try {
      const answer = await fetch(address, { method: "POST", body, signal: asked.signal });
      if (!answer.ok) return;
      const found = (await answer.json()) as Hints;
      if (near.innerHTML !== found.near) near.innerHTML = found.near; // a piece of our own page, escaped by its template
      near.hidden = found.near === "";
      propose(suggested, category, found.category);
    } catch {
      // no connection, or asked again meanwhile: the form does without
    }
  };
  const soon = (wait: number): void => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void look(), wait);
  };
  words.addEventListener("input", () => soon(PAUSE_MS));
  category.addEventListener("change", () => soon(0));
  form.addEventListener("vl:placed", () => soon(0));
  form.addEventListener("vl:emptied", () => {
    near.hidden = suggested.hidden = true;
  });
  near.addEventListener("click", (event) => {
    const to = (event.target as Element | null)?.closest<HTMLElement>("[data-join]")?.dataset["join"];
    if (to) join(to);
  });
}
