/**
 * The service worker: shows notices, and opens what they are about. It caches nothing and answers no requests.
 *
 * What comes is text from our own server, decrypted by the browser; still, only addresses of this site are opened.
 */

interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Pushed extends Extendable {
  data: { json(): unknown } | null;
}
interface Clicked extends Extendable {
  notification: Notification;
}
interface Page {
  url: string;
  focus(): Promise<Page>;
  navigate(url: string): Promise<Page | null>;
}
/** The part of ServiceWorkerGlobalScope that is used: the compiler's own library of it excludes that of pages. */
interface Worker {
  location: Location;
  registration: ServiceWorkerRegistration;
  clients: {
    matchAll(options: { type: "window"; includeUncontrolled: boolean }): Promise<Page[]>;
    openWindow(url: string): Promise<Page | null>;
    claim(): Promise<void>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: "push", act: (event: Pushed) => void): void;
  addEventListener(type: "notificationclick", act: (event: Clicked) => void): void;
  addEventListener(type: "install" | "activate", act: (event: Extendable) => void): void;
}

const worker = self as unknown as Worker;
const HOME = "/desk/";

/** What the server said, or that something came: a push that shows nothing is held against the site. */
function read(event: Pushed): { title: string; options: NotificationOptions } {
  let said: Record<string, unknown> = {};
  try {
    const found: unknown = event.data?.json();
    if (typeof found === "object" && found !== null) said = found as Record<string, unknown>;
  } catch {
    said = {};
  }
  const text = (name: string): string => (typeof said[name] === "string" ? (said[name] as string) : "");
  return {
    title: text("title") || "Vọng Lâu",
    options: {
      body: text("body"),
      tag: text("tag"),
      lang: text("lang") || "vi",
      data: { url: text("url") },
      requireInteraction: said["urgent"] === true,
    },
  };
}

/** A path of this site; the desk for anything else. */
function path(notification: Notification): string {
  const data = notification.data as { url?: unknown } | null;
  try {
    const url = new URL(typeof data?.url === "string" ? data.url : HOME, worker.location.origin);
    return url.origin === worker.location.origin ? url.href : worker.location.origin + HOME;
  } catch {
    return worker.location.origin + HOME;
  }
}

/** A page that is open already is brought to the front and led there; else a new one is opened. */
async function open(notification: Notification): Promise<void> {
  notification.close();
  const address = path(notification);
  const pages = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const page = pages.find((one) => one.url === address) ?? pages[0];
  if (page) {
    try {
      const front = await page.focus();
      if (front.url !== address) await front.navigate(address);
      return;
    } catch {
      // It was closed meanwhile, or is of another worker: a new one then.
    }
  }
  await worker.clients.openWindow(address);
}

worker.addEventListener("install", (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("push", (event) => {
  const { title, options } = read(event);
  event.waitUntil(worker.registration.showNotification(title, options));
});
worker.addEventListener("notificationclick", (event) => event.waitUntil(open(event.notification)));
