"""The inner loop: cases are opened, move forward, remind their owner, are closed, opened again."""

from __future__ import annotations

from streams import reasons
from streams.care import case_clock
from streams.care.case_meant import REOPENED, meant, named, unclosed
from streams.care.case_merging import forgetting
from streams.care.case_opening import open_case
from streams.care.case_record import record
from streams.care.case_rules import CaseRules, Routing
from streams.care.classes import better, class_of
from streams.care.closing import Closing
from streams.care.exposure import exposed
from streams.care.said import Out, Said
from streams.care.state import ASSIGNED, CLOSED, COMMUNICATED, CONTACTED, OPEN, STATES, Care, Case
from streams.config.structs import Config
from streams.fields import number, text
from streams.units import format_duration

ANSWERED = "survey.answered"
PREFIX = "case."
OPENED = "case.opened"
MOVES = {f"{PREFIX}{name}": at for at, name in enumerate(STATES) if at != OPEN}
"""Event type -> the state it leads to."""
KINDS = frozenset((OPENED, REOPENED, *MOVES))


class Cases:
    """The cases of one file. What changes is in `Care`; decisions and counts go to `Out`."""

    def __init__(self, config: Config) -> None:
        self._rules = CaseRules(config)
        self._routing = Routing(config)
        self._strict = config.closing == "strict"

    def types(self) -> frozenset[str]:
        """Event types that concern cases; with any rule, every answer does, for the share that is followed up."""
        return KINDS.union(self._rules.types, (ANSWERED,) if self._rules.names else ())

    def open(self, care: Care) -> list[Case]:
        """Cases in any state before `closed`, in order of opening."""
        return unclosed(care.cases)

    def next_due(self, care: Care) -> int | None:
        """The earliest reminder (UTC epoch microseconds)."""
        return case_clock.next_due(care.cases) if care.cases else None

    # -- what cannot be taken --------------------------------------------------------------------------------------

    def refusal(self, care: Care, said: Said) -> tuple[str, str] | None:
        """Why a case event is a dead letter, as reason and one line; None when it can be taken."""
        if said.kind not in KINDS:
            return None
        if named(said) is None and (several := unclosed(care.cases))[1:]:
            return reasons.AMBIGUOUS_CASE, f"data.case: expected, the customer has {len(several)} open cases"
        if self._strict and MOVES.get(said.kind) == CLOSED:
            case = meant(care.cases, said)
            if case is not None and case.state != CLOSED and (missing := Closing(case, said).missing):
                return reasons.CASE_INCOMPLETE, f"case.closed: expected {' and '.join(missing)}"
        return None

    # -- events ----------------------------------------------------------------------------------------------------

    def take(self, care: Care, said: Said, out: Out) -> bool:
        """Apply a case event, open or join by the rules of the file; whether a rule took the event."""
        answer = class_of(said.data) if said.kind == ANSWERED else None
        if answer is not None and self._rules.names:
            self._answered(care, answer, said, out)
        if said.kind in KINDS:
            self._apply(care, said, out)
        if said.kind == OPENED:
            # Its rule, if one matched, is the case's own.
            return False
        taken = False
        for rule in self._rules.matching(said):
            case = next((case for case in care.cases if case.rule == rule.name and case.state != CLOSED), None)
            if case is None:
                case = open_case(care, rule, self._routing, said, out, foreign=False)
                case.answer = "/".join(answer) if answer is not None else ""
                score = number(said.data.get("score")) if said.kind == ANSWERED else None
                # A float also where a whole number was given: so it comes back from the store.
                case.score = None if score is None else float(score)
            else:
                case.joined += 1
                out.count("case_joined", rule.name)
            if answer is not None and not taken:
                # The first rule's only: an answer is followed up once.
                case.unfollowed["/".join(answer)] = case.unfollowed.get("/".join(answer), 0) + 1
            taken = True
        return taken

    def _answered(self, care: Care, answer: tuple[str, str], said: Said, out: Out) -> None:
        metric, found = answer
        out.count("answered", metric, found)
        for case in care.cases:
            if case.closed is None or case.resurveyed or case.closed > said.time:
                continue
            before, _, was = case.answer.partition("/")
            if before == metric:
                case.resurveyed = True
                out.count("resurveyed", metric, case.rule)
                if better(metric, found, was):
                    out.count("recovered", metric, case.rule)

    def _apply(self, care: Care, said: Said, out: Out) -> None:
        verb = said.kind.removeprefix(PREFIX)
        case = meant(care.cases, said)
        if case is None:
            if said.kind == OPENED:
                open_case(care, self._rules.stated(said), self._routing, said, out, foreign=True)
            else:
                out.count("case_unattributed", verb)
        elif said.kind == REOPENED:
            self._reopen(case, said, out)
        elif MOVES.get(said.kind, OPEN) <= case.state:
            out.count("case_repeated", case.rule, verb)
            owner = text(said.data.get("owner"))
            if said.kind == "case.assigned" and case.state != CLOSED and owner not in (None, case.owner):
                case.owner = owner
                out.count("case_handed_over", case.rule)
                record(out, verb, case, said.subject, _because(said), said.effective)
        else:
            self._move(care, case, MOVES[said.kind], said, out)

    # -- moving ----------------------------------------------------------------------------------------------------

    def _move(self, care: Care, case: Case, state: int, said: Said, out: Out) -> None:
        now, verb = said.effective, STATES[state]
        ending = Closing(case, said) if state == CLOSED else None
        case.state = state
        owner = text(said.data.get("owner"))
        if owner is not None and (state == ASSIGNED or case.owner is None):
            case.owner = owner
        more = None
        if state == COMMUNICATED or (ending is not None and ending.informed):
            case.informed = True
        if state >= CONTACTED:
            case_clock.stop(case)
        if CONTACTED <= state < CLOSED or case.informed:
            self._follow(case, now, out)
        if ending is not None:
            more = ending.close(case, now)
            out.count("case_closed", case.rule, case.disposition or "", now - case.since)
            if case.incomplete:
                out.count("case_incomplete", case.rule)
        elif state != CONTACTED:
            out.count(f"case_{verb}", case.rule, "", now - case.since)
        record(out, verb, case, said.subject, _because(said), now, more)
        if state == CLOSED:
            care.cases = forgetting(care.cases)

    def _follow(self, case: Case, now: int, out: Out) -> None:
        """The customer has heard from us."""
        if case.contacted is None:
            case.contacted = now
            out.count("case_contacted", case.rule, "", now - case.since)
        for answer, times in case.unfollowed.items():
            metric, _, found = answer.partition("/")
            for _ in range(times):
                out.count("followed", metric, found)
        case.unfollowed.clear()

    def _reopen(self, case: Case, said: Said, out: Out) -> None:
        before = STATES[case.state]
        case.state = ASSIGNED
        case.owner = text(said.data.get("owner")) or case.owner
        case.informed = case.incomplete = False
        case.closed = case.root_cause = case.disposition = case.contacted = None
        case_clock.start(case, self._rules.of(case.rule), said.effective)
        out.count("case_reopened", case.rule, before)
        record(out, "reopened", case, said.subject, _because(said), said.effective)

    # -- time ------------------------------------------------------------------------------------------------------

    def fire(self, care: Care, subject: str, now: int, out: Out) -> None:
        """Remind of cases whose clocks have run out by `now`."""
        for time, case, late in case_clock.due(care.cases, now):
            verb = "breached" if late else "warned"
            out.count(f"case_{verb}", case.rule)
            waited = f"waited={format_duration(time - case.since)}"
            because = [case.cause, waited]
            if case.exposed:
                many = exposed(case.exposed, case.since, time, self._rules.of(case.rule).hours)
                because.append(f"exposure={many}")
            record(out, verb, case, subject, because, time)


def _because(said: Said) -> list[str]:
    by = text(said.data.get("by"))
    return [said.cause] if by is None else [said.cause, f"by={by}"]
