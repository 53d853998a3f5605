// The service's fixed sentences in the reader's language; what has no fixed form stays as it came, marked as English.

import { el, english } from "./dom.js";
import { decimal, language, t } from "./texts.js";

// Form -> what it looks like in English. A sentence has one form, or several with commas between them.
const FORMS = {
  well: /^whether it is well again$/,
  normal: /^whether it is back to normal$/,
  speaks: /^whether it speaks again$/,
  nobody: /^nothing yet: nobody has gone on so far$/,
  fewer: /^nothing yet: nobody has gone on so far, or fewer than usual do$/,
  unlearnt: /^nothing yet: not enough has been learnt$/,
  uncertain: /^nothing yet: the baseline is too uncertain$/,
  credit: /^nothing yet: no credit has been granted$/,
  gaps: /^nothing yet: too few gaps have been seen$/,
  few: /^too few to watch it by itself$/,
  slow: /^too slow to watch$/,
  detector: /^what its detector finds, minute by minute$/,
  closed: /^closed now; once open an outage within (?<span>[^,]+)$/,
  outage: /^an outage within (?<span>[^,]+)$/,
  doubling: /^a doubling within (?<span>[^,]+)$/,
  tripling: /^a tripling within (?<span>[^,]+)$/,
  worst: /^the worst score from everybody within (?<number>\d+) answers$/,
  best: /^the best score from everybody within (?<number>\d+) answers$/,
  least: /^nothing smaller than (?<number>\d+) %$/,
  least_score: /^nothing smaller than (?<number>[\d.]+)$/,
  day: /^nothing smaller within a day$/,
  hour: /^a silence of more than an hour$/,
  silence: /^a silence of (?<span>[^,]+)$/,
  explains: /^(?<who>.+) explains (?<number>\d+) % of what is missing: there (?<inside>.+) of the usual completions, elsewhere (?<outside>.+)$/,
  everywhere: /^Everywhere$/,
  apart: /^Everywhere: (?<inside>.+) of the usual completions, and no segment stands apart$/,
  untold: /^Not enough data to tell which segments: (?<observed>[\d,]+) of (?<expected>[\d,]+) expected completions came so far$/,
  rises: /^Rises are looked for in the whole step: which segments they come from is not looked at\.$/,
};
const UNITS = { s: "seconds", min: "minutes", h: "hours", d: "days" };

const local = (number) => decimal(Number(number.replaceAll(",", "")), number.includes(".") ? number.split(".")[1].length : 0);

function span(text) {
  const [, more, value, unit] = text.match(/^(more than )?([\d.]+) (s|min|h|d)$/) || [];
  return unit ? `${more ? "> " : ""}${t(`span.${UNITS[unit]}`, { value: local(value) })}` : text;
}

function formed(text) {
  for (const [form, pattern] of Object.entries(FORMS)) {
    const found = text.match(pattern);
    if (!found) continue;
    const given = Object.entries(found.groups || {}).map(([name, value]) =>
      [name, name === "span" ? span(value) : ["number", "observed", "expected"].includes(name) ? local(value) : value]);
    return t(`phrase.${form}`, Object.fromEntries(given));
  }
  return "";
}

// The sentence in the reader's language; empty where one of its parts has no form.
function phrase(text) {
  const whole = formed(text);
  if (whole) return whole;
  const parts = text.split(", ").map(formed);
  return parts.every(Boolean) ? parts.join(", ") : "";
}

export function spoken(tag, text, attributes = {}) {
  const own = language === "en" ? "" : phrase(text);
  return own ? el(tag, attributes, own) : english(tag, text, attributes);
}
