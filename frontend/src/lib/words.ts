/** Deadlines and moments as people say them: the same words as src/vonglau/kit/due.py, from the same table of examples. */

export type Lang = "vi" | "en";
export type DueState = "over" | "soon" | "ahead";

const VIETNAM_OFFSET_MS = 7 * 3600_000; // one zone, no summer time
export const SOON_MS = 30 * 60_000;

const words = {
  vi: {
    days: (n: number) => `${n} ngày`,
    hours: (n: number) => `${n} giờ`,
    minutes: (n: number) => `${n} phút`,
    moment: "dưới 1 phút",
    left: (span: string) => `còn ${span}`,
    over: (span: string) => `quá hạn ${span}`,
    now: "vừa xong",
    ago: (span: string) => `${span} trước`,
    yesterday: (clock: string) => `hôm qua ${clock}`,
  },
  en: {
    days: (n: number) => `${n} d`,
    hours: (n: number) => `${n} h`,
    minutes: (n: number) => `${n} min`,
    moment: "under 1 min",
    left: (span: string) => `${span} left`,
    over: (span: string) => `overdue by ${span}`,
    now: "just now",
    ago: (span: string) => `${span} ago`,
    yesterday: (clock: string) => `yesterday ${clock}`,
  },
} as const;

/** The two largest units of a length. */
export function span(milliseconds: number, lang: Lang): string {
  const say = words[lang];
  const total = Math.floor(Math.abs(milliseconds) / 60_000);
  const days = Math.floor(total / 1440);
  const hours = Math.floor((total % 1440) / 60);
  const minutes = total % 60;
  if (days) return hours ? `${say.days(days)} ${say.hours(hours)}` : say.days(days);
  if (hours) return minutes ? `${say.hours(hours)} ${say.minutes(minutes)}` : say.hours(hours);
  return minutes ? say.minutes(minutes) : say.moment;
}

export function dueWords(due: number, now: number, lang: Lang): string {
  const left = due - now;
  return left < 0 ? words[lang].over(span(left, lang)) : words[lang].left(span(left, lang));
}

export function dueState(due: number, now: number): DueState {
  const left = due - now;
  if (left < 0) return "over";
  return left <= SOON_MS ? "soon" : "ahead";
}

const two = (n: number): string => String(n).padStart(2, "0");

/** A Date whose UTC parts are the wall clock in Vietnam, whatever the browser's own zone. */
export const inVietnam = (moment: number): Date => new Date(moment + VIETNAM_OFFSET_MS);

export function clock(moment: number, seconds = false): string {
  const local = inVietnam(moment);
  const text = `${two(local.getUTCHours())}:${two(local.getUTCMinutes())}`;
  return seconds ? `${text}:${two(local.getUTCSeconds())}` : text;
}

export function day(moment: number): string {
  const local = inVietnam(moment);
  return `${local.getUTCDate()}/${local.getUTCMonth() + 1}/${local.getUTCFullYear()}`;
}

const dayNumber = (moment: number): number => Math.floor((moment + VIETNAM_OFFSET_MS) / 86_400_000);

export function agoWords(moment: number, now: number, lang: Lang): string {
  const passed = now - moment;
  const say = words[lang];
  if (passed >= 0 && passed < 60_000) return say.now;
  if (passed >= 0 && passed < 3600_000) return say.ago(span(passed, lang));
  const days = dayNumber(now) - dayNumber(moment);
  if (days === 0) return clock(moment);
  if (days === 1) return say.yesterday(clock(moment));
  const local = inVietnam(moment);
  if (local.getUTCFullYear() === inVietnam(now).getUTCFullYear()) {
    return `${local.getUTCDate()}/${local.getUTCMonth() + 1} ${clock(moment)}`;
  }
  return day(moment);
}
