/** Sends what waits, one after the other, as soon as there is a connection; shows what waits and what was sent from this phone. */
import { lang, say } from "../lib/page.ts";
import { arrived, drop, forget, put, sent, type Waiting, waiting } from "./store.ts";

const AGAIN_MS = 15_000;
const GIVE_UP_MS = 90_000;

interface Told {
  reference?: string;
  url?: string;
  errors?: Record<string, string>;
  doors?: string[];
}

/** What came of it: where its page is, why it was not taken, or null while there is no connection. */
export type Outcome = { url: string } | { fault: string } | null;

export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

async function send(row: Waiting, address: string): Promise<Outcome> {
  const body = new FormData();
  for (const [name, value] of row.fields) body.append(name, value);
  body.set("key", row.key);
  for (const photo of row.photos) body.append("photos", photo, photo.name);
  let answer: Response;
  let told: Told;
  try {
    answer = await fetch(address, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(GIVE_UP_MS),
    });
    if (answer.status === 429 || answer.status >= 500) return null;
    told = (await answer.json()) as Told;
  } catch {
    return null; // it may have arrived: sent again under the same key, it is kept once
  }
  if (answer.ok && told.url && told.reference) {
    await arrived(row, { key: row.key, reference: told.reference, url: told.url, title: row.title, at: row.at });
    return { url: told.url };
  }
  const faults = Object.values(told.errors ?? {});
  if (told.doors?.length) faults.push(say("Có vẻ đây là khiếu nại, tố cáo hoặc bí mật nhà nước.", "This looks like a complaint or a state secret."));
  const fault = faults.join(" ") || say("Không nhận được.", "It was not accepted.");
  await put({ ...row, fault });
  return { fault };
}

/** All that waits without a fault. One page at a time does it. */
export async function flush(address: string): Promise<Map<string, Outcome>> {
  const work = async (): Promise<Map<string, Outcome>> => {
    const found = new Map<string, Outcome>();
    for (const row of await waiting()) {
      if (row.fault) continue;
      const outcome = await send(row, address);
      found.set(row.key, outcome);
      if (outcome === null) break;
    }
    return found;
  };
  return "locks" in navigator ? await navigator.locks.request("vonglau-field-reports", work) : await work();
}

const time = (at: number): string => new Date(at).toLocaleString(lang() === "en" ? "en-GB" : "vi-VN", { dateStyle: "short", timeStyle: "short" });

function line(words: string, ...more: (Node | string)[]): HTMLLIElement {
  const item = document.createElement("li");
  const text = document.createElement("span");
  text.textContent = words;
  item.append(text, ...more);
  return item;
}

function button(words: string, act: () => Promise<unknown>): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "button quiet";
  made.textContent = words;
  made.addEventListener("click", () => void act());
  return made;
}

function part(title: string, state: string, items: Node[], ...end: Node[]): HTMLElement {
  const box = document.createElement("div");
  box.dataset["state"] = state;
  const head = document.createElement("h2");
  head.textContent = title;
  const list = document.createElement("ul");
  list.className = "rows-of";
  list.append(...items);
  box.append(head, list, ...end);
  return box;
}

export async function show(box: HTMLElement, edit: (row: Waiting) => void): Promise<void> {
  const again = (): Promise<void> => show(box, edit);
  const [queued, done] = [await waiting(), await sent()];
  const parts: Node[] = [];
  if (queued.length) {
    const title = say("Chờ gửi: đã lưu trên máy này, tự gửi khi có mạng", "Waiting: kept on this device, sent when there is a connection");
    const items = queued.map((row) =>
      line(
        `${row.title} · ${time(row.at)}${row.fault ? ` · ${row.fault}` : ""}`,
        ...(row.fault ? [button(say("Sửa", "Mend"), async () => (await drop(row.key), edit(row), await again()))] : []),
        button(say("Xoá", "Delete"), async () => (await drop(row.key), await again())),
      ),
    );
    parts.push(part(title, "waiting", items));
  }
  if (done.length) {
    const items = done.slice(-5).reverse().map((row) => {
      const link = document.createElement("a");
      link.href = row.url;
      link.textContent = row.reference;
      return line(`${row.title} · ${time(row.at)}`, link);
    });
    const clear = button(say("Xoá danh sách khỏi máy này", "Remove the list from this device"), async () => (await forget(), await again()));
    parts.push(part(say("Đã gửi từ máy này", "Sent from this device"), "sent", items, clear));
  }
  box.replaceChildren(...parts);
  box.hidden = parts.length === 0;
}

/** Tries again when the connection returns, and every so often while something waits. */
export function keepTrying(act: () => Promise<unknown>): void {
  addEventListener("online", () => void act());
  setInterval(() => void waiting().then((rows) => (rows.some((row) => !row.fault) ? act() : null)), AGAIN_MS);
}
