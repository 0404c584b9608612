/** A chart in words: its tooltip, and the sentence for who does not see it. */
import { lang, say } from "../lib/page.ts";
import { clock, inVietnam } from "../lib/words.ts";

export interface Point {
  t: string;
  seen: number | null;
  expected?: number | null;
  low?: number | null;
  high?: number | null;
}

/** What `data-src` answers: how a detector's evidence looks. */
export interface Evidence {
  unit: string;
  quantity: string;
  points: Point[];
  onset?: string | null;
  ended?: string | null;
}

export const figure = (value: number | null | undefined): string =>
  value === null || value === undefined
    ? "–"
    : new Intl.NumberFormat(lang() === "en" ? "en-GB" : "vi-VN", { maximumFractionDigits: 1 }).format(value);

function moment(value: number): string {
  const local = inVietnam(value);
  return `${clock(value)} ${local.getUTCDate()}/${local.getUTCMonth() + 1}`;
}

export function tooltip(data: Evidence, at: number): string {
  const point = data.points.find(({ t }) => Date.parse(t) === at);
  if (!point) return "";
  const lines = [moment(at), `${say("Đo được", "Measured")}: ${figure(point.seen)} ${data.unit}`];
  if (point.expected != null) lines.push(`${say("Thường thấy", "Expected")}: ${figure(point.expected)}`);
  if (point.low != null && point.high != null) {
    lines.push(`${say("Dải bình thường", "Normal band")}: ${figure(point.low)}–${figure(point.high)}`);
  }
  return lines.join("\n");
}

/** In a sentence, what the picture shows. */
export function description(data: Evidence): string {
  const last = data.points.findLast((point) => point.seen !== null);
  const parts = [`${data.quantity} (${data.unit})`];
  if (last) parts.push(say(`lần đo cuối ${figure(last.seen)}`, `last measured ${figure(last.seen)}`));
  if (last?.expected != null) {
    parts.push(say(`thường thấy ${figure(last.expected)}`, `expected ${figure(last.expected)}`));
  }
  if (data.onset) {
    const since = clock(Date.parse(data.onset));
    parts.push(say(`lệch từ ${since}`, `deviates since ${since}`));
  }
  return parts.join("; ");
}
