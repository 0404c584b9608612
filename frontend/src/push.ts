/** "Notify me on this device": asks for permission only when its button is pressed, and shows in which state the browser is. */
import { all, say } from "./lib/page.ts";

type State = "off" | "on" | "blocked" | "unsupported" | "working" | "failed";

const WORKER = "/sw.js";

function show(box: HTMLElement, state: State, why = ""): void {
  box.dataset["pushState"] = state;
  for (const part of all("[data-push-when]", box)) part.hidden = part.dataset["pushWhen"] !== state;
  // After a failure the button stays, to try again.
  if (state === "failed") {
    for (const part of all('[data-push-when="off"]', box)) part.hidden = false;
    for (const place of all("[data-push-why]", box)) place.textContent = why;
  }
}

const supported = (): boolean => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

/** SHA-256 of the subscription's address in hex: what the server knows it by. */
async function digest(subscription: PushSubscription): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(subscription.endpoint));
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function current(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return registration ? registration.pushManager.getSubscription() : null;
}

async function look(box: HTMLElement): Promise<void> {
  if (!supported() || !box.dataset["key"]) return show(box, "unsupported");
  if (Notification.permission === "denied") return show(box, "blocked");
  const subscription = await current();
  const mark = subscription ? await digest(subscription) : "";
  const known = JSON.parse(box.dataset["known"] ?? "[]") as string[];
  for (const here of all(`[data-device="${mark}"] [data-here]`, box)) here.hidden = false;
  show(box, mark && known.includes(mark) && Notification.permission === "granted" ? "on" : "off");
}

function send(box: HTMLElement, address: string, body: string, type: string): Promise<Response> {
  const token = box.querySelector<HTMLInputElement>("input[name=csrfmiddlewaretoken]")?.value ?? "";
  return fetch(address, {
    method: "POST",
    headers: { "Content-Type": type, "X-CSRFToken": token },
    body,
    credentials: "same-origin",
  });
}

async function on(box: HTMLElement): Promise<void> {
  show(box, "working");
  // The question comes first: a browser shows it only right after the press.
  const permission = await Notification.requestPermission();
  if (permission !== "granted") return show(box, permission === "denied" ? "blocked" : "off");
  await navigator.serviceWorker.register(WORKER, { scope: "/" });
  const registration = await navigator.serviceWorker.ready;
  const key = bytes(box.dataset["key"] ?? "");
  const old = await registration.pushManager.getSubscription();
  // One that was made under another key of ours cannot be sent to.
  if (old && !same(old.options.applicationServerKey, key)) await old.unsubscribe();
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const answer = await send(box, box.dataset["add"] ?? "", JSON.stringify(subscription), "application/json");
  if (!answer.ok) throw new Error(((await answer.json()) as { detail?: string }).detail ?? String(answer.status));
  location.reload();
}

function same(one: ArrayBuffer | null, other: Uint8Array): boolean {
  const view = one ? new Uint8Array(one) : new Uint8Array();
  return view.length === other.length && view.every((byte, at) => byte === other[at]);
}

/** The browser keeps its subscription where another world still uses it; the server alone forgets it for this one. */
async function off(box: HTMLElement): Promise<void> {
  show(box, "working");
  const subscription = await current();
  const mark = subscription ? await digest(subscription) : "";
  const form = box.querySelector<HTMLFormElement>(`[data-device="${mark}"] form`);
  if (form) await send(box, form.action, "do=remove", "application/x-www-form-urlencoded");
  location.reload();
}

function reason(problem: unknown): string {
  const name = problem instanceof DOMException ? problem.name : "";
  if (name === "AbortError" || name === "NetworkError") {
    return say("không tới được dịch vụ thông báo của trình duyệt.", "the browser’s notification service cannot be reached.");
  }
  return problem instanceof Error ? problem.message : String(problem);
}

export function start(): void {
  for (const box of all("[data-push]")) {
    look(box).catch((problem: unknown) => show(box, "failed", reason(problem)));
    box.addEventListener("click", (event) => {
      const act = (event.target as Element | null)?.closest<HTMLElement>("[data-push-do]")?.dataset["pushDo"];
      if (act !== "on" && act !== "off") return;
      (act === "on" ? on : off)(box).catch((problem: unknown) => show(box, "failed", reason(problem)));
    });
  }
}
