/** A template that is chosen is written into the form's text, unless somebody has written there; its first blank is selected. */

const BLANK = /\[[^[\]\n]{1,60}\]/;

export function start(): void {
  document.addEventListener("change", (event) => {
    const select = event.target;
    if (!(select instanceof HTMLSelectElement)) return;
    const sentences = [...select.options].map((option) => option.dataset["template"] ?? "");
    const sentence = sentences[select.selectedIndex];
    const text = select.form?.querySelector<HTMLTextAreaElement>("textarea[name=why]");
    if (!sentence || !text || (text.value.trim() !== "" && !sentences.includes(text.value))) return;
    text.value = sentence;
    const blank = BLANK.exec(sentence);
    text.focus();
    if (blank) text.setSelectionRange(blank.index, blank.index + blank[0].length);
  });
}
