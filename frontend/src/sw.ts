/**
 * The service worker: shows notices, and opens what they are about. Registered for the citizens' pages (scope /field_reports/) it also
 * keeps their form, so that it opens without a connection; for the pages of the centre it caches nothing and answers no requests.
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
interface Fetched extends Extendable {
  request: Request;
  respondWith(answer: Promise<Response>): void;
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
  addEventListener(type: "fetch", act: (event: Fetched) => void): void;
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

const FORM = "/field_reports/";
const WARDS = "/field_reports/wards.geojson";
const ASSETS = "/static/built/";
const KEPT = "field-reports-1";
const MOST = 120;
/** On a bad line the kept form is shown after so long. */
const PATIENCE_MS = 5000;
const citizens = new URL(worker.registration.scope).pathname === FORM;

/** The form as the server gives it now, and every file it names. Pages under a secret link are never kept. */
async function renew(answer: Response): Promise<void> {
  if (!answer.ok || answer.redirected) return;
  const kept = await caches.open(KEPT);
  const page = await answer.clone().text();
  await kept.put(FORM, answer);
  const named = [...page.matchAll(/(?:href|src)="(\/static\/built\/[^"]+)"/g)].map((found) => found[1] ?? "");
  await Promise.allSettled(
    named.map(async (file) => {
      if (!(await kept.match(file))) await kept.add(file);
    }),
  );
  const files = (await kept.keys()).filter((one) => new URL(one.url).pathname.startsWith(ASSETS));
  await Promise.all(files.slice(0, Math.max(0, files.length - MOST)).map((old) => kept.delete(old)));
}

async function form(request: Request): Promise<Response> {
  const kept = await (await caches.open(KEPT)).match(FORM);
  const asked = fetch(request).then((answer) => {
    if (new URL(request.url).pathname === FORM) void renew(answer.clone());
    return answer;
  });
  if (!kept) return asked;
  const tired = new Promise<Response>((resolve) => setTimeout(() => resolve(kept.clone()), PATIENCE_MS));
  return Promise.race([asked.catch(() => kept.clone()), tired]);
}

/** Files whose name changes with their content. */
async function file(request: Request): Promise<Response> {
  const kept = await caches.open(KEPT);
  const found = await kept.match(request);
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await kept.put(request, answer.clone());
  return answer;
}

async function wards(request: Request): Promise<Response> {
  const kept = await caches.open(KEPT);
  try {
    const answer = await fetch(request);
    if (answer.ok) await kept.put(request, answer.clone());
    return answer;
  } catch (lost) {
    const found = await kept.match(request);
    if (found) return found;
    throw lost;
  }
}

if (citizens) {
  worker.addEventListener("fetch", (event) => {
    const { request } = event;
    const url = new URL(request.url);
    if (request.method !== "GET" || url.origin !== worker.location.origin) return;
    if (request.mode === "navigate" && url.pathname === FORM) event.respondWith(form(request));
    else if (url.pathname.startsWith(`${ASSETS}assets/`)) event.respondWith(file(request));
    else if (url.pathname === WARDS) event.respondWith(wards(request));
  });
}

async function install(): Promise<void> {
  if (citizens) await renew(await fetch(FORM, { cache: "reload" }));
  await worker.skipWaiting();
}

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("push", (event) => {
  const { title, options } = read(event);
  event.waitUntil(worker.registration.showNotification(title, options));
});
worker.addEventListener("notificationclick", (event) => event.waitUntil(open(event.notification)));
