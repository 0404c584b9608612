/** A place by its name, while the form is filled: what is found stands as a list of buttons below the field. Asked by POST: where
 * somebody stands is in no log. Without a script the same button sends the form, which comes back with the same list. */
import { say } from "../lib/page.ts";

interface Found {
  name: string;
  note: string;
  lon: number;
  lat: number;
  ward: string;
}

export function start(form: HTMLFormElement, put: (lon: number, lat: number, words: string) => void): void {
  const button = form.querySelector<HTMLButtonElement>("[data-find]");
  const words = form.querySelector<HTMLInputElement>("[name=address]");
  const said = form.querySelector<HTMLElement>("[data-find-said]");
  const list = form.querySelector<HTMLElement>("[data-found]");
  const ward = form.querySelector<HTMLSelectElement>("[name=ward]");
  if (!button || !words || !said || !list || !ward) return;
  const choose = (one: Found): void => {
    if (one.ward) {
      ward.value = one.ward;
      ward.dispatchEvent(new Event("change", { bubbles: true }));
      said.textContent = say(`Đã chọn ${one.name}.`, `${one.name} is chosen.`);
    } else {
      put(one.lon, one.lat, say(`Đã đặt điểm ở ${one.name}. Chạm bản đồ để dời.`, `Set at ${one.name}. Tap the map to move it.`));
      said.textContent = "";
    }
    list.replaceChildren();
    (one.ward ? ward : words).focus();
  };
  const look = async (): Promise<void> => {
    said.textContent = say("Đang tìm…", "Looking…");
    list.replaceChildren();
    try {
      const answer = await fetch(button.dataset["find"] ?? "", {
        method: "POST",
        body: new URLSearchParams({ q: words.value }),
        headers: { Accept: "application/json" },
      });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = (await answer.json()) as { places: Found[]; said: string };
      said.textContent = found.said;
      list.replaceChildren(
        ...found.places.map((one) => {
          const item = document.createElement("li");
          const press = document.createElement("button");
          press.type = "button";
          press.className = "button wide";
          const note = document.createElement("span");
          note.className = "muted";
          note.textContent = one.note;
          press.append(one.name, note);
          press.addEventListener("click", () => choose(one));
          item.append(press);
          return item;
        }),
      );
    } catch {
      said.textContent = say(
        "Chưa tìm được lúc này: hãy chạm vào bản đồ, hoặc chọn phường xã.",
        "It cannot be looked up now: tap the map, or choose the ward.",
      );
    }
  };
  button.addEventListener("click", (event) => {
    event.preventDefault();
    void look();
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    void look();
  });
}
