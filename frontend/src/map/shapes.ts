/** Severity as shape and colour, drawn on canvases for the map: filled for incidents, hollow for alerts. */
import { colour } from "../lib/page.ts";

export const SEVERITIES = ["Extreme", "Severe", "Moderate", "Minor", "Unknown"] as const;
export type Severity = (typeof SEVERITIES)[number];
/** Drawn twice as fine as shown, so that a wall that enlarges them stays sharp. */
export const RATIO = 3;

const SIZE = 30;

/** Corners on a circle of radius 1, y down. */
const corners: Partial<Record<Severity, [number, number][]>> = {
  Extreme: [1, 3, 5, 7, 9, 11, 13, 15].map((step) => [Math.cos((step * Math.PI) / 8), Math.sin((step * Math.PI) / 8)]),
  Severe: [
    [0, -1.05],
    [1.05, 0.8],
    [-1.05, 0.8],
  ],
  Moderate: [
    [0, -1.1],
    [1.1, 0],
    [0, 1.1],
    [-1.1, 0],
  ],
  Unknown: [
    [-0.68, -0.68],
    [0.68, -0.68],
    [0.68, 0.68],
    [-0.68, 0.68],
  ],
};

function outline(context: CanvasRenderingContext2D, severity: Severity, radius: number): void {
  context.beginPath();
  const shape = corners[severity];
  if (!shape) context.arc(0, 0, radius * 0.86, 0, 2 * Math.PI);
  else for (const [x, y] of shape) context.lineTo(x * radius, y * radius);
  context.closePath();
}

export function draw(severity: Severity, kind: "incident" | "alert", overdue: boolean): ImageData {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE * RATIO;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  context.scale(RATIO, RATIO);
  context.translate(SIZE / 2, SIZE / 2);
  context.lineJoin = "round";
  const mark = colour(`${severity.toLowerCase()}-mark`);
  const ground = colour("raised");
  if (overdue) {
    context.beginPath();
    context.arc(0, 0, 13, 0, 2 * Math.PI);
    context.lineWidth = 2;
    context.strokeStyle = colour("bad-mark");
    context.stroke();
  }
  const radius = kind === "incident" ? 9 : 6;
  outline(context, severity, radius);
  context.lineWidth = 4;
  context.strokeStyle = ground;
  context.stroke();
  if (kind === "alert") {
    context.fillStyle = ground;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = mark;
    context.stroke();
  } else {
    context.fillStyle = mark;
    context.fill();
  }
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

export const name = (severity: string, kind: string, overdue: boolean): string =>
  `${kind}-${severity}${overdue ? "-late" : ""}`;

/** Every symbol the map may need, by name. */
export function* symbols(): Generator<[string, ImageData]> {
  for (const severity of SEVERITIES) {
    yield [name(severity, "alert", false), draw(severity, "alert", false)];
    for (const late of [false, true]) yield [name(severity, "incident", late), draw(severity, "incident", late)];
  }
}
