// Alerts and decisions in words.

import { count, decimal, line, moment, number, percent, plain, share, span, spaced, t, word } from "./texts.js";

const MOVES = ["conversion", "arrivals", "silence"];

export function what(alert) {
  const { journey, step, next_step: next, source } = alert, way = alert.direction;
  if (alert.signal === "conversion") return t(`alert.conversion.${way}`, { journey, step, next });
  if (alert.signal === "arrivals") return t(`alert.arrivals.${way}`, { place: step ? `${journey}, ${step}` : journey });
  if (alert.signal === "silence") return t("alert.silence", { source });
  return t(`alert.signal.${way}`, { signal: spaced(alert.signal) });
}

// Conjunctions whose union moved; none: everywhere; null: nobody can tell.
export function who(segments) {
  if (!segments) return t("alert.who.unknown");
  if (!segments.length) return t("alert.who.everywhere");
  const one = (segment) => Object.entries(segment).map(([name, value]) => `${spaced(name)} ${value}`).join(t("join.and"));
  return segments.map(one).join(t("join.or"));
}

export function size(alert, interval = true) {
  if (alert.size === null || alert.size === undefined) return "";
  const kind = alert.signal === "silence" ? "missing" : MOVES.includes(alert.signal) ? (alert.direction === "down" ? "fewer" : "more")
    : alert.direction === "down" ? "lower" : "higher";
  const range = !interval || alert.size_low === null ? "" : ` (${share(alert.size_low)} – ${share(alert.size_high)} %)`;
  return t(`alert.size.${kind}`, { share: share(alert.size) }) + range;
}

export const numbers = (alert) => t("alert.numbers", { observed: number(alert.observed), expected: number(alert.expected) });

export function since(alert) {
  const around = alert.since_low === alert.since_high ? "" : t("alert.between", { low: moment(alert.since_low), high: moment(alert.since_high) });
  return [moment(alert.since), around].filter(Boolean).join(" ");
}

export function lasted(alert, now) {
  const end = alert.resolved_at || now;
  const seconds = end ? (new Date(end) - new Date(alert.since)) / 1000 : 0;
  return seconds > 0 ? span(seconds) : "";
}

export function change(found) {
  const words = ["service", "name", "title", "version", "text"].map((key) => found.data[key])
    .filter((value) => ["string", "number"].includes(typeof value)).join(" ");
  return t("alert.change", { what: words || found.event, time: moment(found.time) });
}

export const sure = (alert) => t("alert.sure", { evidence: decimal(alert.evidence, 2), guarantee: word("guarantee", alert.guarantee) });

export const stateOf = (alert) => word("alert.state", alert.state);

export function taken(alert) {
  return [
    alert.acknowledged_by === null ? "" : alert.acknowledged_by ? t("alert.acknowledged", { by: alert.acknowledged_by }) : t("alert.acknowledged.somebody"),
    alert.snoozed_until === null ? "" : t("alert.snoozed", { until: moment(alert.snoozed_until) }),
  ];
}

export function when(alert, now) {
  const long = lasted(alert, now);
  return line(t(`alert.state.${alert.state}.long`), t("alert.since", { since: since(alert) }),
    long && t(alert.state === "resolved" ? "alert.lasted" : "alert.for", { span: long }), ...taken(alert));
}

export function severity(alert) {
  return line(word("severity", alert.severity),
    typeof alert.loss === "number" && alert.direction === "down" && t("alert.loss", { share: share(alert.loss) }),
    typeof alert.value_per_hour === "number" && t("alert.value", { value: count(Math.round(alert.value_per_hour)) }),
    alert.fired > 1 && t("alert.fired", { n: alert.fired }));
}

// ---- decisions ----------------------------------------------------------------------------------------------------

const TONES = { breached: ["bad", "▲"], firing: ["bad", "▲"], broken: ["bad", "▲"], recovered: ["good", "▼"], resolved: ["good", "▼"] };

// What kind of decision it is: its tone, its icon, its name.
export function kind(decision) {
  const [tone, icon] = TONES[decision.type.split(".").pop()] || ["", "•"];
  const name = decision.type.replace(/^touchline\./, "");
  const known = t(`decision.${name}`);
  return [tone, icon, known.startsWith("decision.") ? name.replaceAll(".", " ") : known];
}

// What it is about, and why.
export function told(decision) {
  const data = decision.data || {}, subject = decision.subject || "";
  if (decision.type.startsWith("touchline.signal.")) {
    const ratio = ["share", "conversion"].includes(data.quantity) || (data.value !== null && Math.abs(data.value) <= 1 && Math.abs(data.target) <= 1);
    const show = (value) => (typeof value !== "number" ? String(value) : ratio ? percent(value) : plain(value));
    const range = typeof data.low === "number" ? ` (${show(data.low)} – ${show(data.high)}, n ${count(data.n)})` : "";
    return [data.signal && data.signal !== subject ? `${subject} · ${data.signal}` : subject,
      t("decision.measured", { quantity: word("quantity", data.quantity), value: show(data.value) + range, target: show(data.target) })];
  }
  if (decision.type.startsWith("touchline.alert.") && data.fingerprint) {
    return [what(data), line(size(data) || numbers(data), who(data.segments), data.early && t("alert.early"))];
  }
  return [subject || t("decision.nobody"), line(data.rule, data.metric && t("decision.metric", { metric: data.metric }),
    data.channel && word("channel", data.channel), ...reasons(data), ...[].concat(data.because || []))];
}

// Why somebody was not asked, all gates that said no.
function reasons(data) {
  const all = [...new Set([data.reason, ...(data.reasons || [])].filter(Boolean))];
  return all.map((reason) => word("gate", reason));
}
