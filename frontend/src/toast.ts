/** Short notices at the bottom, with an undo where there is one; and what to say when a request fails. */
import htmx from "htmx.org";
import { local, say } from "./lib/page.ts";

const STAYS_MS = 8000;

export interface Notice {
  text: string;
  /** An address that is POSTed by the undo button. */
  undo?: string;
  bad?: boolean;
}

export function toast({ text, undo, bad = false }: Notice): void {
  const place = document.getElementById("toasts");
  if (!place) return;
  const box = document.createElement("div");
  box.className = bad ? "toast bad" : "toast";
  const words = document.createElement("span");
  words.textContent = text;
  box.append(words);
  const address = undo ? local(undo) : null;
  if (address) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.textContent = say("Hoàn tác", "Undo");
    button.addEventListener("click", () => {
      box.remove();
      void htmx.ajax("POST", address, { source: document.body, target: document.body, swap: "none" });
    });
    box.append(button);
  }
  for (const old of [...place.children].slice(0, -2)) old.remove();
  place.append(box);
  leave(box);
}

/** Goes by itself, but never from under a pointer or the focus. */
function leave(box: HTMLElement): void {
  const held = (): boolean => box.matches(":hover, :focus-within");
  const timer = setInterval(() => {
    if (held()) return;
    clearInterval(timer);
    box.remove();
  }, STAYS_MS);
}

function failed(status: number): Notice {
  if (status === 401 || status === 403) {
    return {
      text: say(
        "Không được phép, hoặc phiên đã hết. Không có gì thay đổi.",
        "Not allowed, or signed out. Nothing changed.",
      ),
      bad: true,
    };
  }
  return {
    text: say(
      "Máy chủ đang gặp lỗi. Không có gì thay đổi; hãy thử lại.",
      "The server failed. Nothing changed; try again.",
    ),
    bad: true,
  };
}

export function start(): void {
  document.addEventListener("vl:toast", (event) => {
    const detail = (event as CustomEvent<Partial<Notice> & { value?: string }>).detail;
    const text = detail.text ?? detail.value;
    if (text) toast({ text, ...(detail.undo ? { undo: detail.undo } : {}), bad: detail.bad === true });
  });
  document.addEventListener("click", (event) => {
    const button = (event.target as Element | null)?.closest<HTMLElement>("[data-toast]");
    const undo = button?.dataset["toastUndo"];
    if (button?.dataset["toast"]) toast({ text: button.dataset["toast"], ...(undo ? { undo } : {}) });
  });
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = (event as CustomEvent<{ ctx: { response: { status: number }; sourceElement: Element } }>).detail;
    const status = ctx.response.status;
    const live = ctx.sourceElement.matches("[data-live]");
    if (live && (status === 401 || status === 403)) location.reload();
    else if (!live && (status >= 500 || status === 401 || status === 403)) toast(failed(status));
  });
  document.addEventListener("htmx:error", (event) => {
    const { ctx } = (event as CustomEvent<{ ctx?: { sourceElement?: Element } }>).detail;
    if (!ctx || ctx.sourceElement?.matches("[data-live]")) return; // the link's state in the bar says it already
    toast({ text: say("Mất kết nối. Chưa gửi được; hãy thử lại.", "No connection. Not sent; try again."), bad: true });
  });
  for (const box of document.querySelectorAll<HTMLElement>("#toasts > .toast")) leave(box);
}
