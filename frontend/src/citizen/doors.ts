/** Words that say it is no field report: the same rule as services/field_reports/public/doors.py, read from the form. */

interface Pattern {
  door: string;
  words: string;
  unless: string;
}

export interface Rule {
  door: string;
  words: RegExp;
  unless: RegExp | null;
}

export function rules(json: string): Rule[] {
  return (JSON.parse(json) as Pattern[]).map((one) => ({
    door: one.door,
    words: new RegExp(one.words),
    unless: one.unless ? new RegExp(one.unless, "g") : null,
  }));
}

/** Lower case without diacritics, words apart by one space. */
export function plain(text: string): string {
  const apart = text.toLowerCase().replaceAll("đ", "d").normalize("NFD").replace(/\p{M}/gu, "");
  return (apart.match(/[\p{L}\p{N}_]+/gu) ?? []).join(" ");
}

/** Which doors the words point at: 113, 114, 115, complaint, secret. */
export function doors(text: string, known: Rule[]): string[] {
  const said = plain(text);
  return known
    .filter(({ words, unless }) => words.test(unless ? said.replace(unless, " ") : said))
    .map((rule) => rule.door);
}
