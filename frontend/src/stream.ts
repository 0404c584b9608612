/** The change stream: one EventSource per browser and world. A leader tab, elected by a lock, holds it and tells the others.
 *
 *  Becomes `vl:<kind>` events on the document (detail: the change), `vl:clock` (the world's clock) and `vl:reset` (what this page
 *  shows may be out of date: read it again).
 */
import { all } from "./lib/page.ts";

export const KINDS = ["alert", "incident", "indicator", "quarantine", "world"] as const;
export type Kind = (typeof KINDS)[number];

export interface Change {
  position: number;
  kind: string;
  ref: string;
  [more: string]: unknown;
}

type Link = "connecting" | "live" | "reconnecting";
type Note =
  | { what: "change"; kind: Kind | "hello" | "reset"; change: Change }
  | { what: "link"; link: Link }
  | { what: "asking" };

const LONGEST_PAUSE_MS = 30_000;

let link: Link = "connecting";
let position = 0;

function show(next: Link): void {
  link = next;
  document.documentElement.dataset["link"] = next;
  for (const element of all("[data-link-state]")) {
    element.dataset["state"] = next;
    const text = { live: "liveWord", reconnecting: "waitWord", connecting: "offWord" }[next];
    const word = element.querySelector(".word") ?? element;
    if (word.textContent !== element.dataset[text]) word.textContent = element.dataset[text] ?? next;
  }
}

function tell(name: string, change: Change): void {
  if (typeof change.position === "number") position = Math.max(position, change.position);
  document.dispatchEvent(new CustomEvent(`vl:${name}`, { detail: change }));
}

function take(kind: Kind | "hello" | "reset", change: Change): void {
  if (kind === "hello") tell("clock", change);
  else if (kind === "reset") {
    position = 0;
    tell("clock", change);
    tell("reset", change);
  } else {
    tell(kind, change);
    if (kind === "world" && typeof change["now"] === "string") tell("clock", change);
  }
}

/** Follows `address` until the page goes; comes back by itself after an error, later each time. */
class Leader {
  #source: EventSource | null = null;
  #pause = 1000;
  #timer = 0;
  readonly #address: string;
  readonly #send: (note: Note) => void;

  constructor(address: string, send: (note: Note) => void) {
    this.#address = address;
    this.#send = send;
  }

  open(): void {
    const url = new URL(this.#address, location.href);
    // EventSource sends Last-Event-ID only when it reconnects by itself; a new leader says it here.
    if (position > 0) url.searchParams.set("after", String(position));
    const source = (this.#source = new EventSource(url));
    source.addEventListener("open", () => {
      this.#pause = 1000;
      this.#link("live");
    });
    source.addEventListener("error", () => {
      this.#link("reconnecting");
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      source.close();
      this.#timer = window.setTimeout(() => this.open(), this.#pause * (0.75 + Math.random() / 2));
      this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE_MS);
    });
    for (const kind of [...KINDS, "hello", "reset"] as const) {
      source.addEventListener(kind, (event) => this.#take(kind, event as MessageEvent<string>));
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  say(): void {
    this.#send({ what: "link", link });
  }

  #link(next: Link): void {
    show(next);
    this.say();
  }

  #take(kind: Kind | "hello" | "reset", event: MessageEvent<string>): void {
    let change: Change;
    try {
      change = JSON.parse(event.data) as Change;
    } catch {
      return; // not ours to repair; the next change will refresh the page all the same
    }
    if (event.lastEventId) change.position = Number(event.lastEventId) || change.position;
    take(kind, change);
    this.#send({ what: "change", kind, change });
  }
}

export function start(): void {
  const address = document.documentElement.dataset["stream"];
  if (!address) return;
  position = Number(document.documentElement.dataset["position"] ?? "0") || 0;
  show("connecting");
  const name = `vl-stream:${address}`;
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(name) : null;
  let leader: Leader | null = null;
  const lead = (): void => {
    leader = new Leader(address, (note) => channel?.postMessage(note));
    leader.open();
  };
  channel?.addEventListener("message", (event: MessageEvent<Note>) => {
    const note = event.data;
    if (note.what === "asking") leader?.say();
    else if (leader) return;
    else if (note.what === "link") show(note.link);
    else take(note.kind, note.change);
  });
  channel?.postMessage({ what: "asking" } satisfies Note);
  // Without locks (a page not served from localhost or over TLS) every tab follows for itself.
  if (!navigator.locks || !channel) {
    lead();
    addEventListener("pagehide", () => leader?.close());
    addEventListener("pageshow", (event) => event.persisted && leader?.open());
    return;
  }
  const stand = (): void => {
    void navigator.locks.request(
      name,
      () =>
        new Promise<void>((resolve) => {
          lead();
          addEventListener(
            "pagehide",
            () => {
              leader?.close();
              leader = null;
              resolve();
            },
            { once: true },
          );
        }),
    );
  };
  stand();
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.dispatchEvent(new CustomEvent("vl:reset", { detail: {} }));
    if (!leader) stand();
  });
}
