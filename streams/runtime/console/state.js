// What the reader has chosen to see, and what the service showed last.

import { remembered } from "./dom.js";

export const WINDOWS = ["1m", "5m", "1h", "24h", "7d"];
export const MEASURES = ["throughput", "cohort"];
export const FIRES = ["firing", "flapping"];

export const state = {
  window: remembered("window", WINDOWS, "5m"),
  measure: remembered("measure", MEASURES, "throughput"),
  open: null, // "journey/step" or "signal NAME" whose segments are shown
  view: null,
};
