// A bar for each day, with the same numbers as a table for whoever does not see it.

import { element } from "../verify/dom";
import type { Counts } from "./filters";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 720;
const HEIGHT = 160;
const LEFT = 40;
const BOTTOM = 24;
// A bar of its own for each day up to here; beyond, neighbouring days share one.
const BARS_MAX = 62;
const BAR_WIDTH_MAX = 48;

export interface ChartWords {
  readonly title: string;
  readonly name: string;
  readonly count: string;
}

export function barChart(counts: Counts, words: ChartWords): HTMLElement {
  const bars = joined(counts);
  const top = Math.max(1, ...bars.map(([, count]) => count));
  const step = (WIDTH - LEFT) / Math.max(1, bars.length);
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", class: "chart" });
  svg.append(text("title", {}, words.title));
  const floor = HEIGHT - BOTTOM;
  svg.append(drawn("line", { x1: LEFT, y1: floor, x2: WIDTH, y2: floor, class: "axis" }));
  bars.forEach(([, count], at) => {
    const height = (count / top) * (floor - 16);
    const place = {
      x: LEFT + at * step + 1,
      y: floor - height,
      width: Math.max(1, Math.min(BAR_WIDTH_MAX, step - 2)),
      height,
    };
    svg.append(drawn("rect", { ...place, class: "bar" }));
  });
  svg.append(text("text", { x: 2, y: 16 }, `${top}`));
  const [first, last] = [bars[0]?.[0] ?? "", bars[bars.length - 1]?.[0] ?? ""];
  svg.append(text("text", { x: LEFT, y: HEIGHT - 6 }, first.slice(0, 10)));
  if (bars.length > 1) {
    svg.append(text("text", { x: WIDTH, y: HEIGHT - 6, "text-anchor": "end" }, last.slice(-10)));
  }
  const table = numbers(bars, words);
  return element("figure", "figure", element("figcaption", "", words.title), svg, table);
}

function joined(counts: Counts): Counts {
  const size = Math.ceil(counts.length / BARS_MAX);
  if (size <= 1) return counts;
  return Array.from({ length: Math.ceil(counts.length / size) }, (_, at) => {
    const some = counts.slice(at * size, (at + 1) * size);
    const name = `${some[0]![0]} – ${some[some.length - 1]![0]}`;
    return [name, some.reduce((sum, [, count]) => sum + count, 0)] as const;
  });
}

function numbers(bars: Counts, words: ChartWords): HTMLElement {
  const heads = [words.name, words.count].map((name) => {
    const cell = element("th", "", name);
    cell.scope = "col";
    return cell;
  });
  const rows = bars
    .filter(([, count]) => count)
    .map(([name, count]) => element("tr", "", element("td", "", name), element("td", "", `${count}`)));
  const table = element(
    "table", "", element("thead", "", element("tr", "", ...heads)), element("tbody", "", ...rows),
  );
  return element("details", "", element("summary", "", words.count), table);
}

function drawn(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS(SVG, name) as SVGElement;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, `${value}`);
  return made;
}

function text(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content: string,
): SVGElement {
  const made = drawn(name, attributes);
  made.textContent = content;
  return made;
}
