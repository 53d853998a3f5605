"""Why an input record was not taken: the closed list behind dead letters, counters and answers at the doors."""

from __future__ import annotations

NOT_JSON = "not_json"
NOT_AN_OBJECT = "not_an_object"
TOO_LARGE = "too_large"
BAD_ENCODING = "bad_encoding"
BAD_ROW = "bad_row"
BAD_SPECVERSION = "bad_specversion"
NO_ID = "no_id"
NO_SOURCE = "no_source"
NO_TYPE = "no_type"
UNKNOWN_TYPE = "unknown_type"
RESERVED_TYPE = "reserved_type"
NO_SUBJECT = "no_subject"
BAD_SUBJECT = "bad_subject"
NO_TIME = "no_time"
BAD_TIME = "bad_time"
NO_ZONE = "no_zone"
BAD_DATA = "bad_data"
BAD_SEQUENCE = "bad_sequence"
BAD_SCORE = "bad_score"
BAD_SCALE = "bad_scale"
SCORE_OUT_OF_SCALE = "score_out_of_scale"
NO_INTO = "no_into"
MERGE_CYCLE = "merge_cycle"
MERGE_BOTH_IDENTIFIED = "merge_both_identified"
AMBIGUOUS_CASE = "ambiguous_case"
CASE_INCOMPLETE = "case_incomplete"

INVALID: dict[str, str] = {
    NOT_JSON: "the bytes are not one JSON value in UTF-8",
    NOT_AN_OBJECT: "JSON, but not an object",
    TOO_LARGE: "larger than the door allows",
    BAD_ENCODING: "a file row is not UTF-8",
    BAD_ROW: "a CSV row has another number of cells than the header, or cannot be split",
    BAD_SPECVERSION: '`specversion` is missing or not "1.0"',
    NO_ID: "`id` is missing, empty or not text",
    NO_SOURCE: "`source` is missing, empty or not text",
    NO_TYPE: "`type` is missing, empty or not text",
    UNKNOWN_TYPE: "a call no Segment door knows, or a value a source's `type.map` lacks (`else: invalid`)",
    RESERVED_TYPE: "types beginning with `touchline.` are Touchline's own",
    NO_SUBJECT: "an event that needs a customer has none",
    BAD_SUBJECT: "`subject` is empty or not text",
    NO_TIME: "a file row with neither a time nor a time of reception",
    BAD_TIME: "`time` cannot be read",
    NO_ZONE: "`time` has neither an offset nor `Z`",
    BAD_DATA: "`data` is not a JSON object",
    BAD_SEQUENCE: "`sequence` is neither text nor a number",
    BAD_SCORE: "`data.score` is not a number",
    BAD_SCALE: "`data.scale` is not [lowest, highest]",
    SCORE_OUT_OF_SCALE: "`data.score` lies outside its scale",
    NO_INTO: "`customer.merged` without the surviving id in `data.into`",
    MERGE_CYCLE: "a merge that leads back to the id that ends",
    MERGE_BOTH_IDENTIFIED: "a merge of two customers who were both identified, without `data.force`",
    AMBIGUOUS_CASE: "a case event without `data.case` for a customer with several open cases",
    CASE_INCOMPLETE: "an incomplete `case.closed` under `closing: strict`",
}
"""Reason -> what it means. Reasons are metric labels: the list grows, entries are never renamed."""
