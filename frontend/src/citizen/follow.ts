/** "Notify me on this device": asks for permission only when its button is pressed. Without a script the button is not there. */
import { all, local, say } from "../lib/page.ts";
import { SCOPE, WORKER } from "./worker.ts";

const supported = (): boolean => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

async function on(address: string, key: string): Promise<string> {
  // The question comes first: a browser shows it only right after the press.
  const permission = await Notification.requestPermission();
  if (permission !== "granted") {
    return say(
      "Trình duyệt không cho phép thông báo: hãy bật trong cài đặt của trang này.",
      "The browser does not allow notifications: switch them on in this site’s settings.",
    );
  }
  const registration = await navigator.serviceWorker.register(WORKER, { scope: SCOPE });
  await navigator.serviceWorker.ready;
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(subscription),
  });
  const told = (await answer.json()) as { url?: string };
  const page = answer.ok && told.url ? local(told.url) : null;
  if (!page) throw new Error(String(answer.status));
  location.assign(page);
  if (new URL(page, location.href).pathname === location.pathname) location.reload();
  return "";
}

export function start(): void {
  if (!supported()) return;
  for (const box of all("[data-follow-push]")) {
    const { followPush: address, key } = box.dataset;
    const button = box.querySelector("button");
    const said = box.querySelector("[data-said]");
    if (!address || !key || !button || !said) continue;
    box.hidden = false;
    button.addEventListener("click", async () => {
      button.disabled = true;
      said.textContent = "";
      try {
        said.textContent = await on(address, key);
      } catch {
        said.textContent = say(
          "Chưa bật được: không tới được dịch vụ thông báo của trình duyệt. Hãy thử lại, hoặc dùng thư điện tử.",
          "It could not be switched on: the browser’s notification service cannot be reached. Try again, or use e-mail.",
        );
      }
      button.disabled = false;
    });
  }
}
