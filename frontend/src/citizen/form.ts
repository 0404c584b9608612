/** The form on a phone: danger recognised while one writes, photos made small, the place by position or by a tap. */
import { all, say } from "../lib/page.ts";
import { shrink } from "../photo.ts";
import { doors, type Rule, rules } from "./doors.ts";
import * as places from "./find.ts";
import * as hints from "./hints.ts";
import * as sending from "./sending.ts";

const MOST = 5;
const CALLS = ["113", "114", "115"];

const find = <T extends Element = HTMLElement>(selector: string): T | null => document.querySelector<T>(selector);

/** Numbers to call stand out, and complaints are shown their own door, as soon as the words say so. */
function watch(form: HTMLFormElement, known: Rule[]): void {
  const words = form.querySelector<HTMLTextAreaElement>("[name=description]");
  const box = form.querySelector<HTMLElement>("[data-doors]");
  const aware = form.querySelector<HTMLInputElement>("[data-aware]");
  const yes = form.querySelector<HTMLInputElement>("[data-doors-aware]");
  if (!words || !box || !aware || !yes) return;
  yes.checked = aware.value !== ""; // shown its door once already, by the server
  const look = (): void => {
    const found = doors(words.value, known);
    find("[data-danger]")?.classList.toggle(
      "loud",
      found.some((door) => CALLS.includes(door)),
    );
    const others = found.filter((door) => !CALLS.includes(door));
    box.hidden = others.length === 0;
    for (const line of all("[data-door]", box)) line.hidden = !others.includes(line.dataset["door"] ?? "");
    aware.value = yes.checked ? others.join(" ") : "";
  };
  words.addEventListener("input", look);
  yes.addEventListener("change", look);
  look();
}

/** A category's own questions appear with it. */
function questions(form: HTMLFormElement): void {
  const category = form.querySelector<HTMLSelectElement>("[name=category]");
  const show = (): void => {
    for (const box of all<HTMLFieldSetElement>("[data-questions]", form)) {
      box.hidden = box.dataset["questions"] !== category?.value;
      box.disabled = box.hidden;
    }
  };
  category?.addEventListener("change", show);
  show();
}

/** Photos are drawn anew, smaller: less to pay for, and what the camera wrote into the file stays on the phone. */
function photos(form: HTMLFormElement): void {
  const input = form.querySelector<HTMLInputElement>("[name=photos]");
  const list = form.querySelector<HTMLElement>("[data-thumbs]");
  const said = form.querySelector<HTMLElement>("[data-photos-said]");
  if (!input || !list || !said) return;
  let kept: File[] = [];
  const put = (): void => {
    const transfer = new DataTransfer();
    for (const file of kept) transfer.items.add(file);
    input.files = transfer.files;
    list.replaceChildren(...kept.map(thumb));
    list.hidden = kept.length === 0;
  };
  const thumb = (file: File): HTMLElement => {
    const item = document.createElement("li");
    const image = document.createElement("img");
    image.alt = "";
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
    image.src = URL.createObjectURL(file);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "button quiet";
    remove.textContent = say("Bỏ ảnh", "Remove");
    remove.addEventListener("click", () => {
      kept = kept.filter((one) => one !== file);
      put();
    });
    item.append(image, remove);
    return item;
  };
  form.addEventListener("vl:emptied", () => {
    kept = [];
    put();
    said.textContent = "";
  });
  input.addEventListener("change", async () => {
    const chosen = [...(input.files ?? [])];
    if (chosen.every((file) => kept.includes(file)) && chosen.length) return;
    let bad = 0;
    for (const file of chosen) {
      try {
        if (kept.length < MOST) kept.push(await shrink(file));
      } catch {
        bad++;
      }
    }
    put();
    said.textContent = bad
      ? say("Có tệp không phải ảnh đọc được: đã bỏ qua.", "A file that is not a readable photo was left out.")
      : say(`${kept.length} ảnh, đã thu nhỏ trên máy này`, `${kept.length} photo(s), made smaller on this device`);
  });
}

/** Where: the position of the phone, or a tap on the map. The ward stays as the way without either. */
function where(form: HTMLFormElement): void {
  const box = form.querySelector<HTMLElement>("[data-where]");
  const said = form.querySelector<HTMLElement>("[data-where-said]");
  const lat = form.querySelector<HTMLInputElement>("[name=lat]");
  const lon = form.querySelector<HTMLInputElement>("[name=lon]");
  if (!box || !said || !lat || !lon) return;
  box.hidden = false;
  const put = (x: number, y: number, words: string): void => {
    lon.value = x.toFixed(6);
    lat.value = y.toFixed(6);
    said.textContent = words;
    form.dispatchEvent(new CustomEvent("vl:placed", { detail: { lon: x, lat: y } }));
  };
  form.addEventListener("vl:emptied", () => {
    lon.value = lat.value = said.textContent = "";
  });
  places.start(form, put);
  form.querySelector("[data-here]")?.addEventListener("click", () => {
    said.textContent = say("Đang tìm vị trí…", "Finding where you are…");
    navigator.geolocation.getCurrentPosition(
      ({ coords }) =>
        put(
          coords.longitude,
          coords.latitude,
          say(
            `Đã lấy vị trí, sai số khoảng ${Math.round(coords.accuracy)} m.`,
            `Got your position, accurate to about ${Math.round(coords.accuracy)} m.`,
          ),
        ),
      () => {
        said.textContent = say(
          "Máy không cho biết vị trí: hãy chọn trên bản đồ, hoặc chọn phường xã.",
          "The phone does not tell where it is: choose on the map, or choose the ward.",
        );
      },
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 30_000 },
    );
  });
  form.querySelector("[data-open-map]")?.addEventListener("click", async () => {
    const frame = form.querySelector<HTMLElement>("[data-pick-box]");
    const map = frame?.querySelector<HTMLElement>("[data-pick]");
    if (!frame || !map || !frame.hidden) return;
    frame.hidden = false;
    try {
      const { Pick } = await import("./pick.ts");
      const start = lon.value && lat.value ? { lon: Number(lon.value), lat: Number(lat.value) } : null;
      const picker = new Pick(map, start, (x, y) =>
        put(x, y, say("Đã đặt điểm. Chạm chỗ khác để dời.", "The point is set. Tap elsewhere to move it.")),
      );
      form.addEventListener("vl:placed", (event) => picker.show((event as CustomEvent<Place>).detail));
    } catch {
      frame.hidden = true;
      said.textContent = say(
        "Không mở được bản đồ: hãy chọn phường xã và ghi chỗ bằng lời.",
        "The map cannot be opened: choose the ward and say where in words.",
      );
    }
  });
}

interface Place {
  lon: number;
  lat: number;
}

export function start(): void {
  find("[data-errors]")?.focus();
  for (const answer of all<HTMLFormElement>("form[data-reply]")) photos(answer);
  const form = find<HTMLFormElement>("form[data-report]");
  if (!form) return;
  watch(form, rules(form.dataset["patterns"] ?? "[]"));
  questions(form);
  photos(form);
  where(form);
  for (const box of form.querySelectorAll<HTMLElement>("[data-without-script]")) box.hidden = true;
  hints.start(form);
  sending.start(form);
}
