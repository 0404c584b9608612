/** Words are at least 4.5:1 and marks at least 3:1 on every ground they stand on, in both schemes (WCAG 2.2 AA). */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../src/css/tokens.css", import.meta.url), "utf8");
const tokens = new Map<string, [string, string]>();
for (const [, name, light, dark] of css.matchAll(/--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g))
  tokens.set(name!, [light!, dark!]);
for (const [, name, both] of css.matchAll(/--([a-z0-9-]+): (#[0-9a-f]{6});/g)) tokens.set(name!, [both!, both!]);

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}

const grounds = ["canvas", "surface", "raised", "hover"];
const words = [
  "text",
  "text-2",
  "text-3",
  "accent",
  "accent-strong",
  "extreme",
  "severe",
  "moderate",
  "minor",
  "unknown",
  "good",
  "bad",
  "drill-ink",
];
const marks = [
  "extreme-mark",
  "severe-mark",
  "moderate-mark",
  "minor-mark",
  "unknown-mark",
  "good-mark",
  "bad-mark",
  "line-strong",
  "focus",
  "drill-frame",
];
const pairs: [string, string, number][] = [
  ...words.flatMap((word) => grounds.map((ground): [string, string, number] => [word, ground, 4.5])),
  ...marks.flatMap((mark) => ["canvas", "surface"].map((ground): [string, string, number] => [mark, ground, 3])),
  ...["extreme", "severe", "moderate", "minor", "unknown", "good", "bad", "drill"].map(
    (name): [string, string, number] => [name === "drill" ? "drill-ink" : name, `${name}-tint`, 4.5],
  ),
  ["text", "selected", 4.5],
  ["text-2", "selected", 4.5],
  ["text-3", "selected", 4.5],
  ["accent-strong", "selected", 4.5],
  ["text", "bad-tint", 4.5],
  ["text-2", "bad-tint", 4.5],
  ["text-3", "bad-tint", 4.5],
  ["text-2", "sunken", 4.5],
  ["on-accent", "accent", 4.5],
  ["on-accent", "accent-strong", 4.5],
  ["on-drill", "drill", 4.5],
  ["on-drill", "drill-stripe", 4.5],
  ["on-recording", "recording", 4.5],
  ["map-label", "map-ward", 4.5],
  ["map-label", "heat-2", 4.5],
];

for (const [index, scheme] of ["light", "dark"].entries()) {
  test(`contrast, ${scheme}`, () => {
    const faults = pairs.flatMap(([front, ground, least]) => {
      const a = tokens.get(front),
        b = tokens.get(ground);
      assert.ok(a && b, `${front} or ${ground} is not a token`);
      const ratio = contrast(a[index]!, b[index]!);
      return ratio < least ? [`${front} on ${ground}: ${ratio.toFixed(2)} < ${least}`] : [];
    });
    assert.deepEqual(faults, []);
  });
}
