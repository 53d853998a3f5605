// Each value of a segment beside the whole.

import { el } from "./dom.js";
import { Range, interval } from "./figures.js";
import { state } from "./state.js";
import { count, t } from "./texts.js";

// One table per dimension. `rows` are {dimension, value, estimate, counts}.
// `better` colours what stands out: more of a conversion is good, of other numbers nobody knows.
export function segmentTables(rows, whole, titles, read, better = false) {
  const groups = new Map();
  for (const row of rows) groups.set(row.dimension, [...(groups.get(row.dimension) || []), row]);
  const top = read.top ?? Math.max(whole.high || 0, ...rows.map((row) => row.estimate.high || 0)) * 1.1;
  const heads = [t("segment.value"), t("segment.interval"), ...titles];
  return [...groups].map(([dimension, own]) => el("table", {},
    el("caption", {}, dimension),
    el("thead", {}, el("tr", {}, ...heads.map((title, at) => el("th", { scope: "col" }, at ? title : el("span", { class: "unseen" }, title))))),
    el("tbody", {}, ...own.map(({ value, estimate, counts }) => {
      const range = new Range(), known = estimate.value !== null && whole.value !== null;
      range.draw(estimate, read.floor, top, whole.value);
      const less = known && estimate.high < whole.low, more = known && estimate.low > whole.high;
      const shown = estimate.value === null ? `${count(estimate.n)}/30` : read.show(estimate.value);
      return el("tr", {},
        el("td", {}, value), el("td", {}, range.node),
        el("td", { class: less || more ? `apart ${better ? (less ? "less" : "more") : ""}` : null, title: interval(estimate, read.show) },
          less ? `▼ ${shown}` : more ? `▲ ${shown}` : shown),
        ...counts.map((number) => el("td", {}, count(number))));
    }))));
}

// Values that too few customers of one employee have: named, without a number.
export function withheldNote(segments, window) {
  const names = segments.filter(({ withheld }) => withheld && withheld.includes(window)).map(({ dimension, value }) => `${dimension} ${value}`);
  return names.length ? [el("p", { class: "fine withheld" }, t("segment.withheld", { names: names.join(", ") }))] : [];
}

// Where a segment's dimension stands in the file.
export function byFile(segments) {
  const dimensions = [...new Set(segments.map((segment) => segment.dimension))];
  return (segment) => dimensions.indexOf(segment.dimension);
}

// Segments are kept for two windows only; the nearest is shown, and said.
export const segmentWindow = () => (["1m", "5m"].includes(state.window) ? "5m" : "1h");

export function segmentNote() {
  const window = t(`window.${segmentWindow()}`);
  return segmentWindow() === state.window ? t("segment.note", { window }) : t("segment.note.nearest", { window });
}

// Series under watch that belong to what is unfolded.
export const watchedAt = (belongs) => (state.view.alarms ? state.view.alarms.watched.filter(belongs) : []);
