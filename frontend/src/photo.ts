/** A photo is made smaller before it is sent: less to pay on a phone, and what the camera wrote into the file stays behind. */
import { all } from "./lib/page.ts";

export const MAX_EDGE = 1600;
const QUALITY = 0.85;

export async function shrink(file: File, edge = MAX_EDGE): Promise<File> {
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, edge / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.fillStyle = "#fff"; // JPEG has no transparency
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!blob) throw new Error("not encoded");
  return new File([blob], `${file.name.replace(/\.[^.]*$/, "") || "photo"}.jpg`, { type: "image/jpeg" });
}

const megabytes = (bytes: number): string =>
  (bytes / 1_048_576).toFixed(1).replace(".", document.documentElement.lang === "en" ? "." : ",");

async function take(box: HTMLElement, input: HTMLInputElement): Promise<void> {
  const [file] = input.files ?? [];
  const note = box.querySelector<HTMLElement>("[data-photo-meta]");
  box.querySelector("img")?.remove();
  if (!file) return;
  try {
    const small = await shrink(file, Number(box.dataset["maxEdge"]) || MAX_EDGE);
    const transfer = new DataTransfer();
    transfer.items.add(small);
    input.files = transfer.files;
    const image = document.createElement("img");
    image.alt = "";
    image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
    image.src = URL.createObjectURL(small);
    box.prepend(image);
    if (note) note.textContent = `${box.dataset["textReady"] ?? ""} · ${megabytes(small.size)} MB`;
    box.dataset["state"] = "ready";
  } catch {
    input.value = "";
    if (note) note.textContent = box.dataset["textBad"] ?? "";
    box.dataset["state"] = "bad";
  }
}

export function start(): void {
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.type !== "file") return;
    const box = input.closest<HTMLElement>("[data-photo]");
    if (box) void take(box, input);
  });
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      for (const box of all(".drop.over")) box.classList.remove("over");
      if (name === "dragover") (event.target as Element | null)?.closest?.("[data-photo]")?.classList.add("over");
    });
  }
}
