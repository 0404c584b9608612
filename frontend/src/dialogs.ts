/** Native dialogs and menus: opened by attribute, closed by Esc, by a press outside, or by their own button. */
import { all } from "./lib/page.ts";

/** Opens with the focus on what is asked for, not on the button that closes it. Under a thumb on its title: a keyboard that slides in
 * would hide the form, and the photo that it begins with. */
export function open(dialog: HTMLDialogElement): void {
  if (dialog.open) return;
  dialog.showModal();
  const title = dialog.querySelector<HTMLElement>(".dialog-head h2");
  if (title && matchMedia("(pointer: coarse)").matches) {
    title.tabIndex = -1;
    title.focus();
    return;
  }
  const asked = dialog.querySelector<HTMLElement>(
    ".dialog-body :is(input:checked, input:not([type=hidden], [type=radio], [type=file]), select, textarea, [type=radio])",
  );
  (asked ?? dialog.querySelector<HTMLElement>(".dialog-end .primary"))?.focus();
}

export const opened = (): HTMLDialogElement | null => document.querySelector<HTMLDialogElement>("dialog[open]");

export const openMenu = (): HTMLDetailsElement | null =>
  document.querySelector<HTMLDetailsElement>("details.menu[open]");

export function start(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element | null;
    if (!target) return;
    const name = target.closest<HTMLElement>("[data-open-dialog]")?.dataset["openDialog"];
    const dialog = name ? document.getElementById(name) : null;
    if (dialog instanceof HTMLDialogElement && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault(); // a link to the same form on a page of its own, for where no script runs
      open(dialog);
    }
    // The backdrop belongs to the dialog: a press on the dialog itself, not on what is in it, is a press outside.
    if (target instanceof HTMLDialogElement && target.open) {
      const box = target.getBoundingClientRect();
      const inside =
        event.clientX >= box.left &&
        event.clientX <= box.right &&
        event.clientY >= box.top &&
        event.clientY <= box.bottom;
      if (!inside) target.close("cancel");
    }
    for (const menu of all<HTMLDetailsElement>("details.menu[open]")) {
      if (!menu.contains(target)) menu.open = false;
    }
  });
}
