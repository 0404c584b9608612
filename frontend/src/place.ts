/** Where a photo was taken: asked of the device when one is chosen in a form that wants to know; a refusal costs nothing. */

const EARTH = 6_371_000;

export function metres(lon: number, lat: number, toLon: number, toLat: number): number {
  const rad = Math.PI / 180;
  const h =
    Math.sin(((toLat - lat) * rad) / 2) ** 2 +
    Math.cos(lat * rad) * Math.cos(toLat * rad) * Math.sin(((toLon - lon) * rad) / 2) ** 2;
  return 2 * EARTH * Math.asin(Math.min(1, Math.sqrt(h)));
}

export const distance = (away: number): string =>
  away < 1000 ? `${Math.round(away)} m` : `${Math.round(away / 1000)} km`;

function tell(note: HTMLElement, lon: number, lat: number): void {
  const [there, where] = [note.dataset["lon"], note.dataset["lat"]];
  note.textContent =
    there && where
      ? (note.dataset["near"] ?? "").replace("{away}", distance(metres(lon, lat, Number(there), Number(where))))
      : (note.dataset["known"] ?? "");
}

function ask(form: HTMLFormElement, note: HTMLElement): void {
  const [lon, lat] = ["lon", "lat"].map((name) => form.querySelector<HTMLInputElement>(`[name=${name}]`));
  if (!lon || !lat || !("geolocation" in navigator)) return;
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      lon.value = coords.longitude.toFixed(6);
      lat.value = coords.latitude.toFixed(6);
      tell(note, coords.longitude, coords.latitude);
    },
    () => {
      note.textContent = note.dataset["refused"] ?? "";
    },
    { enableHighAccuracy: true, maximumAge: 60_000, timeout: 15_000 },
  );
}

export function start(): void {
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.type !== "file" || !input.files?.length) return;
    const note = input.form?.querySelector<HTMLElement>("[data-where]");
    if (input.form && note) ask(input.form, note);
  });
}
