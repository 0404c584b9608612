/** The form with a queue behind it: what is sent is first kept on the phone, then leaves it, once. */
import { say } from "../lib/page.ts";
import { flush, keepTrying, newKey, show } from "./queue.ts";
import { drop, put, type Waiting } from "./store.ts";
import { SCOPE, WORKER } from "./worker.ts";


function missing(form: HTMLFormElement): [string, string] | null {
  const has = (name: string): boolean => Boolean((form.elements.namedItem(name) as HTMLInputElement | null)?.value.trim());
  const photos = (form.elements.namedItem("photos") as HTMLInputElement | null)?.files?.length ?? 0;
  if (!has("description") && !photos) return ["description", say("Hãy viết vài lời, hoặc gửi kèm một ảnh.", "Write a few words, or add a photo.")];
  if (!has("category")) return ["category", say("Hãy chọn loại việc.", "Choose what it is about.")];
  if (!has("lat") && !has("ward")) return ["ward", say("Hãy cho biết chỗ.", "Say where it is.")];
  return null;
}

function packed(form: HTMLFormElement, key: string): Waiting {
  const fields: [string, string][] = [];
  const photos: File[] = [];
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string") fields.push([name, value]);
    else if (value.size) photos.push(value);
  }
  const title = form.querySelector<HTMLSelectElement>("[name=category]")?.selectedOptions[0]?.textContent ?? "";
  return { key, fields, photos, title, at: Date.now(), fault: "" };
}

function refill(form: HTMLFormElement, row: Waiting): void {
  form.reset();
  for (const [name, value] of row.fields) {
    const field = form.elements.namedItem(name);
    if (field instanceof RadioNodeList) field.value = value;
    else if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement || field instanceof HTMLSelectElement) field.value = value;
  }
  const input = form.elements.namedItem("photos");
  if (input instanceof HTMLInputElement) {
    const transfer = new DataTransfer();
    for (const photo of row.photos) transfer.items.add(photo);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change"));
  }
  for (const name of ["description", "category"]) {
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLElement) field.dispatchEvent(new Event(name === "category" ? "change" : "input"));
  }
  form.scrollIntoView();
}

export function start(form: HTMLFormElement): void {
  const said = form.querySelector<HTMLElement>("[data-send-said]");
  const button = form.querySelector<HTMLButtonElement>("[data-send]");
  const box = document.querySelector<HTMLElement>("[data-queue]");
  if (!said || !button || !box || !("indexedDB" in window)) return;
  const address = form.action;
  let key = newKey(); // a page out of the cache carries an old one
  const list = (): Promise<void> => show(box, (row) => refill(form, row));
  const tryAll = async (): Promise<void> => {
    await flush(address);
    await list();
  };

  const begin = async (event: SubmitEvent): Promise<void> => {
    const lacks = missing(form);
    if (lacks) {
      event.preventDefault();
      said.textContent = lacks[1];
      form.querySelector<HTMLElement>(`[name=${lacks[0]}]`)?.focus();
      return;
    }
    event.preventDefault();
    button.disabled = true;
    said.textContent = say("Đang gửi…", "Sending…");
    const row = packed(form, key);
    try {
      await put(row);
    } catch {
      form.submit(); // a phone that keeps nothing (private mode) sends as a page without a script does
      return;
    }
    const outcome = (await flush(address)).get(row.key) ?? null;
    button.disabled = false;
    if (outcome && "url" in outcome) {
      const calls = document.querySelector("[data-danger].loud") ? "&call=113&call=114&call=115" : "";
      location.assign(`${outcome.url}?new=1${calls}`);
      return;
    }
    if (outcome) {
      await drop(row.key);
      said.textContent = outcome.fault;
    } else {
      key = newKey();
      form.reset();
      form.dispatchEvent(new CustomEvent("vl:emptied"));
      said.textContent = say(
        "Chưa có mạng. Phản ánh đã được lưu trên máy này và tự gửi khi có mạng; hãy mở lại trang này.",
        "No connection. The report is kept on this device and sent when the connection returns; open this page again then.",
      );
    }
    await list();
  };
  form.addEventListener("submit", (event) => void begin(event));
  keepTrying(tryAll);
  void tryAll();
  if ("serviceWorker" in navigator) void navigator.serviceWorker.register(WORKER, { scope: SCOPE }).catch(() => undefined);
}
