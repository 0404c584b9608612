/** What every map of ours has in common: flat, north up, in the reader's language, and a word instead of it where it cannot be drawn. */
import { type Map as MapLibre, setWorkerUrl } from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { say } from "../lib/page.ts";

// MapLibre's worker is our own file, named outright, because a bundler moves it.
setWorkerUrl(new URL(workerUrl, import.meta.url).href);

export const FLAT = {
  attributionControl: false,
  dragRotate: false,
  pitchWithRotate: false,
  maxPitch: 0,
  minZoom: 4,
  maxZoom: 18,
  fadeDuration: 0,
} as const;

export function upright(map: MapLibre): void {
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
}

/** `title`: what the map is for; unless told, how it is moved. */
export function words(title?: string): Record<string, string> {
  return {
    "Map.Title":
      title ??
      say(
        "Bản đồ tương tác: mũi tên để di chuyển, + và − để phóng to, thu nhỏ",
        "Interactive map: arrows move, + and − zoom",
      ),
    "NavigationControl.ZoomIn": say("Phóng to", "Zoom in"),
    "NavigationControl.ZoomOut": say("Thu nhỏ", "Zoom out"),
    "AttributionControl.ToggleAttribution": say("Nguồn dữ liệu", "Data sources"),
    "Popup.Close": say("Đóng", "Close"),
    "CooperativeGesturesHandler.WindowsHelpText": say(
      "Giữ Ctrl và cuộn để phóng to bản đồ",
      "Use Ctrl + scroll to zoom the map",
    ),
    "CooperativeGesturesHandler.MacHelpText": say("Giữ ⌘ và cuộn để phóng to bản đồ", "Use ⌘ + scroll to zoom the map"),
    "CooperativeGesturesHandler.MobileHelpText": say(
      "Dùng hai ngón tay để di chuyển bản đồ",
      "Use two fingers to move the map",
    ),
  };
}

/** Names are drawn from the page's own font: waited for, so that no fallback is kept in the atlas. */
export async function fonts(): Promise<void> {
  await document.fonts.load('400 24px "Be Vietnam Pro"', "aĐế0").catch(() => undefined);
}

/** Where the browser cannot draw: the list that stands beside every map is named. */
export function refuse(box: HTMLElement): void {
  const text = document.createElement("p");
  text.className = "map-fail";
  text.textContent = say(
    "Trình duyệt này không vẽ được bản đồ (WebGL tắt). Danh sách bên cạnh có cùng nội dung.",
    "This browser cannot draw the map (WebGL is off). The list beside it says the same.",
  );
  box.replaceChildren(text);
  box.dataset["ready"] = "failed";
}
