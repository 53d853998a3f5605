// The story of one customer in words, made from what the service keeps: chapters of lines.

import { language, line, t, word } from "./texts.js";

const COMING = ["case_warned", "case_breached", "promise_broken", "conversation_over", "complaint_over"]; // worth telling
const MOST_DATA = 60;

// Times read by the clock where the customer lives.
function clockOf(zone) {
  const options = { dateStyle: "medium", timeStyle: "medium" };
  let format;
  try {
    format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { ...options, timeZone: zone });
  } catch {
    format = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, options); // no such zone
  }
  return (text) => format.format(new Date(text));
}

function facts(data) {
  const show = (value) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return text.length > MOST_DATA ? `${text.slice(0, MOST_DATA)}…` : text;
  };
  return Object.entries(data).map(([name, value]) => `${name}=${show(value)}`).join(" ");
}

function why(data) {
  const [first, ...others] = [...new Set([data.reason, ...(data.reasons || [])].filter(Boolean))];
  const seen = (data.because || []).slice(1).filter((fact) => fact.includes("="));
  return [word("gate", first), seen.length && `(${seen.join(", ")})`, others.length && t("story.besides", { reasons: others.map((one) => word("gate", one)).join(", ") }),
    data.final === false && t("story.waits")].filter(Boolean).join(" ").replaceAll(" ; ", "; ");
}

function decided({ type, data }, at) {
  const kind = type.replace(/^touchline\./, ""), [about, verb] = kind.split(".");
  const known = { rule: data.rule || "", metric: data.metric || "", id: data.case || "", owner: data.owner || "", offer: data.offer || "", count: data.count ?? "" };
  if (kind === "feedback.requested") {
    return line(t("story.requested", known), data.channel && word("channel", data.channel), data.attempt > 1 && t("story.attempt", { n: data.attempt }));
  }
  if (kind === "feedback.withheld") return `${t("story.withheld", known)}: ${why(data)}`;
  if (kind === "feedback.deferred") return `${t("story.deferred", known)}: ${why(data)}${data.until ? `; ${t("story.again", { time: at(data.until) })}` : ""}`;
  if (about === "case") {
    return `${t("story.case", { ...known, what: word("case.verb", verb) })}${data.owner && ["assigned", "reopened"].includes(verb) ? `, ${t("case.says.assigned", known)}` : ""} (${known.id})`;
  }
  if (kind === "offer.made") return t("story.offer", known);
  return t("story.other", { about: word("story.about", about), rule: known.rule, what: word("story.verb", verb) });
}

function happened(one, at) {
  const entries = [
    ...[...one.touchpoints].reverse().map((event) => [event.time, 0, [event.subject && event.subject !== one.id ? t("story.as", { id: event.subject }) : "", event.type, facts(event.data)].filter(Boolean).join(" ")]),
    ...[...one.decisions].reverse().map((decision) => [decision.time, 1, `→ ${decided(decision, at)}`]),
  ];
  return entries.map((entry, index) => [...entry, index])
    .sort((a, b) => new Date(a[0]) - new Date(b[0]) || a[1] - b[1] || a[3] - b[3]).map(([time, , said]) => [time, said]);
}

function waiting(ask, at) {
  const about = t("story.ask", { metric: ask.metric, rule: ask.rule, because: ask.because });
  if (ask.waits_for === "problem") {
    const what = ask.what.map((fact) => {
      const [name, value] = fact.split(/=(.*)/s);
      return t(`story.problem.${name}`, { value });
    });
    return [null, t("story.until_solved", { what: what.join(t("join.and")), about })];
  }
  if (ask.waits_for === "requirement") {
    return [null, t("story.until_event", { what: ask.what.join(t("join.or")) || t("story.experience"), about })
      + (ask.expires ? `; ${t("story.at_most", { time: at(ask.expires) })}` : "")];
  }
  return [ask.due || ask.scheduled_for, t(ask.waits_for === "quiet_hours" ? "story.due_quiet" : "story.due", { about })];
}

// [key of the title, lines as [time or null, text]]; what somebody on the phone must know comes first.
export function chapters(one) {
  const at = clockOf(one.traits.timezone);
  const made = [
    ["cases", one.cases.filter(({ state }) => state !== "closed").map((held) => [held.opened_at, line(`${held.rule}: ${word("case.state", held.state)}`,
      held.owner ? t("case.says.assigned", { owner: held.owner }) : t("case.says.open"), t("story.because", { because: held.because }), held.id).replace(" · ", ", ")])],
    ["to_come", [...one.asks.map((ask) => waiting(ask, at)),
      ...one.waiting.filter(({ what }) => COMING.includes(what)).map(({ at: time, what, about }) => [time, t(`story.clock.${what}`, { about })])]],
    ["happened", happened(one, at)],
    ["journeys", one.journeys.map((way) => [way.entered, line(`${way.journey}${way.by ? ` ${way.by}` : ""}: ${way.step}`, word("instance", way.state),
      way.state === "in_flight" && t("story.in_time", { time: at(way.deadline) }))])],
    ["asked", one.asked.map((asked) => [asked.time, line(asked.metric, asked.rule || t("story.elsewhere"), asked.channel && word("channel", asked.channel),
      t(asked.answered ? "story.answered" : "story.unanswered"))])],
  ];
  return made.filter(([, lines]) => lines.length).map(([key, lines]) => [key, lines.map(([time, text]) => [time && at(time), text])]);
}
