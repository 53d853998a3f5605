// The last half hour of a step's conversion, beside what was usual, and where an alert began.

import { el, svg } from "./dom.js";
import { clock, percent, t } from "./texts.js";

const WIDE = 600, HIGH = 180, LEFT = 54, BOTTOM = 22, TOP = 8;

// `minutes`: conversions, the last minute still going on; `usual`: an estimate; `alert`: what to mark; `now`: ms.
export function chart(minutes, usual, alert, now) {
  const values = minutes.slice(0, -1), known = values.filter((value) => value !== null);
  if (known.length < 2) return el("p", { class: "empty" }, t("chart.empty"));
  const band = usual.value === null ? [] : [usual.low, usual.high];
  let low = Math.min(...known, ...band), high = Math.max(...known, ...band);
  const pad = Math.max((high - low) * 0.12, 0.02);
  [low, high] = [Math.max(0, low - pad), Math.min(1, high + pad)];
  const x = (index) => LEFT + (index / (values.length - 1)) * (WIDE - LEFT - 6);
  const y = (value) => TOP + (1 - (value - low) / (high - low)) * (HIGH - TOP - BOTTOM);
  const first = Math.floor(now / 60_000) - values.length; // the minute of the first value
  const at = (text) => Math.min(WIDE - 6, Math.max(LEFT, x(new Date(text) / 60_000 - first - 0.5)));
  const parts = [];
  for (const value of [low, (low + high) / 2, high]) {
    parts.push(svg("line", { class: "grid", x1: LEFT, x2: WIDE, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, percent(value, 0)));
  }
  if (band.length) {
    parts.push(svg("rect", { class: "usual", x: LEFT, width: WIDE - LEFT, y: y(usual.high), height: Math.max(2, y(usual.low) - y(usual.high)) }));
  }
  const from = at(alert.since_low), until = at(alert.since_high);
  parts.push(svg("rect", { class: "began", x: from, width: Math.max(2, until - from), y: TOP, height: HIGH - TOP - BOTTOM }));
  const [nearest] = alert.changes;
  if (nearest) parts.push(svg("line", { class: "change", x1: at(nearest.time), x2: at(nearest.time), y1: TOP, y2: HIGH - BOTTOM }));
  let path = "", pen = "M";
  values.forEach((value, index) => {
    path += value === null ? "" : `${pen}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = value === null ? "M" : "L";
  });
  parts.push(svg("path", { class: "seen", d: path }));
  for (const index of [0, Math.floor(values.length / 2), values.length - 1]) {
    const anchor = index === 0 ? "start" : index === values.length - 1 ? "end" : "middle";
    parts.push(svg("text", { x: x(index), y: HIGH - 4, "text-anchor": anchor }, clock((first + index) * 60_000).slice(0, 5)));
  }
  const label = t("chart.label", { last: percent(known[known.length - 1]), usual: usual.value === null ? "–" : percent(usual.value) });
  const legend = [["seen", "chart.seen"], ["usual", "chart.usual"], ["began", "chart.began"], ...(nearest ? [["change", "chart.change"]] : [])];
  return el("figure", { class: "chart" }, svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label }, ...parts),
    el("figcaption", { class: "fine" }, ...legend.map(([name, key]) => el("span", {}, el("i", { class: name, "aria-hidden": "true" }), t(key)))));
}

// What came beside what should have come.
export function bars(observed, expected, show) {
  const top = Math.max(observed, expected, 1e-9);
  return el("dl", { class: "bars" }, ...[["observed", observed], ["expected", expected]].map(([name, value]) => {
    const bar = svg("svg", { "aria-hidden": "true" }, svg("rect", { class: name, width: `${((value / top) * 100).toFixed(1)}%`, height: 12, rx: 2 }));
    return el("div", {}, el("dt", {}, t(`chart.${name}`)), el("dd", {}, bar, el("b", {}, show(value))));
  }));
}
