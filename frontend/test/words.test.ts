/** The same table as the Python side (src/vonglau/kit/tests/test_words.py): page and script never disagree. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { agoWords, clock, dueState, dueWords, type Lang } from "../src/lib/words.ts";

interface Table {
  now: string;
  due: { seconds: number; vi: string; en: string; state: string }[];
  ago: { at: string; vi: string; en: string }[];
}

const table = JSON.parse(
  readFileSync(new URL("../../src/vonglau/kit/tests/words.json", import.meta.url), "utf8"),
) as Table;
const now = Date.parse(table.now);
const langs: Lang[] = ["vi", "en"];

test("deadlines", () => {
  for (const row of table.due) {
    const due = now + row.seconds * 1000;
    for (const lang of langs) assert.equal(dueWords(due, now, lang), row[lang]);
    assert.equal(dueState(due, now), row.state);
  }
});

test("moments", () => {
  for (const row of table.ago)
    for (const lang of langs) assert.equal(agoWords(Date.parse(row.at), now, lang), row[lang]);
});

test("the clock is Vietnam's wherever the browser is", () => {
  assert.equal(clock(Date.parse("2026-12-31T17:30:00Z")), "00:30");
});
