"""What visitors of the simulated shop do: one block of visits, drawn at once, as columns of planned events.

The shop delivers groceries within the hour, so that every journey ends while one watches. Delays are log-normal,
shares and segments are invented but plausible. A block's visits depend on the seed and the block's number only.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from connectors.synthetic.incidents import DROP

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

SECOND = 1_000_000
HORIZON = 3 * 3600 * SECOND
"""No visit makes an event this long (microseconds) after its start."""
EVENTS_PER_VISIT = 5.2
"""Mean number of events of a visit; measured, and held by a test."""

ALWAYS, UNLESS_BROKEN, IF_BROKEN = 0, 1, 2
"""When a planned event happens: whatever comes, only if the visit's payment meets no incident, only if it does."""

# fmt: off
(VIEW, CART, CHECKOUT, FAILED, ORDER, PACKED, DISPATCHED, DELIVERED, USED, NPS, CALL, ANSWERED, ENDED, CSAT, COMPLAINT,
 SOLVED, MERGED, IDENTIFIED, ACCOUNT, CONFIRMED, CES) = range(21)
# fmt: on

PAGES = ("home", "category", "product", "delivery", "signup")
HOME, CATEGORY, PRODUCT, DELIVERY, SIGNUP = range(5)

REGIONS = ("kyiv", "lviv", "odesa", "dnipro", "kharkiv", "vinnytsia")
_REGION_SHARES = np.cumsum((0.34, 0.19, 0.15, 0.13, 0.12, 0.07))
TIERS = ("standard", "silver", "gold")
_TIER_SHARES = np.cumsum((0.66, 0.24, 0.10))
DEVICES = ("mobile", "desktop", "tablet")
_DEVICE_SHARES = np.cumsum((0.58, 0.34, 0.08))
MOBILE = 0


class Visit(msgspec.Struct, frozen=True):
    """Who visits. `segments` is the part of `data` that all events of the visit share."""

    name: str
    """Unique over the whole simulation; event ids and order numbers grow from it."""
    subject: str
    alias: str | None
    """The anonymous id the visit begins under, until it is merged into `subject`."""
    segments: dict[str, str]
    amount: float
    items: int


class Block(msgspec.Struct):
    """The visits that start in one block of time, and everything they may do."""

    visits: list[Visit]
    time: Ints
    """UTC epoch microseconds, whole milliseconds."""
    visit: Ints
    """Index into `visits`."""
    kind: Ints
    seq: Ints
    """Distinguishes the events of a visit; stable."""
    extra: Ints
    """What the kind needs: a page, a score, a duration in milliseconds, a channel."""
    gate: Ints
    payment: Ints
    """When the visit pays by a device an incident would hit; 0: never."""


class _Plan:
    """Collects columns while a block is drawn."""

    def __init__(self, count: int, payment: Ints) -> None:
        self._everyone = np.arange(count)
        self._payment = payment
        self._parts: list[tuple[Ints, ...]] = []

    def add(self, kind: int, who: Mask, time: Floats, extra: Ints | int = 0, gate: int = ALWAYS) -> None:
        """Plan an event of `kind` for each visit in `who` at its `time` (microseconds)."""
        visit = self._everyone[who]
        size = len(visit)
        instant = (time[who] / 1000).astype(np.int64) * 1000
        detail = extra[who] if isinstance(extra, np.ndarray) else np.full(size, extra, dtype=np.int64)
        seq = np.full(size, len(self._parts), dtype=np.int64)
        self._parts.append((instant, visit, np.full(size, kind, dtype=np.int64), seq, detail,
                            np.full(size, gate, dtype=np.int64), self._payment[visit]))  # fmt: skip

    def columns(self) -> list[Ints]:
        """Everything planned, column by column."""
        return [np.concatenate(column) for column in zip(*self._parts, strict=True)]


def draw(seed: int, number: int, start: int, length: int, visits: float, customers: int) -> Block:
    """The visits that start in [start, start + length) microseconds, `visits` of them in the mean."""
    rng = np.random.default_rng((seed, number))
    count = max(1, int(rng.poisson(visits)))

    def chance(share: float) -> Mask:
        return rng.random(count) < share

    def delay(median_s: float, sigma: float, longest_s: float) -> Floats:
        return np.minimum(rng.lognormal(np.log(median_s), sigma, count), longest_s) * SECOND

    begin = start + np.sort(rng.random(count)) * length
    role = rng.random(count)
    shops, joins = role < 0.90, role >= 0.955
    contacts = ~shops & ~joins

    customer = (customers * rng.random(count) ** 2).astype(np.int64)  # a few come often, most rarely
    trait = customer * np.int64(2654435761) % np.int64(1_000_003)  # the customer's own, whatever the visit
    region = np.minimum(np.searchsorted(_REGION_SHARES, trait % 997 / 997, side="right"), len(REGIONS) - 1)
    tier = np.minimum(np.searchsorted(_TIER_SHARES, trait % 991 / 991, side="right"), len(TIERS) - 1)
    device = np.minimum(np.searchsorted(_DEVICE_SHARES, rng.random(count), side="right"), len(DEVICES) - 1)
    app = (device == MOBILE) & chance(0.55)
    anonymous = shops & chance(0.12) | joins
    amount = np.round(rng.lognormal(np.log(34.0), 0.55, count) * (1 + 0.35 * tier), 2)
    items = 1 + rng.poisson(5, count)

    # Browsing: up to six pages, the first product page somewhere among them.
    looks = shops & chance(0.82)
    pages = 1 + np.minimum(rng.geometric(0.42, count), 5)
    found = rng.integers(0, 3, count)
    at = begin.copy()
    moments = []
    for _ in range(6):
        moments.append(at)
        at = at + delay(16, 0.8, 240)
    seen = np.minimum(found, pages - 1)
    buys = looks & chance(0.46)
    goes = buys & chance(0.74)
    careful = np.where(device == MOBILE, 0.81, 0.88) + 0.03 * (tier == 2)
    pays = goes & (rng.random(count) < careful)

    carted = moments[5] + delay(12, 0.7, 180)
    checkout = carted + delay(35, 0.8, 600)
    stumbles = pays & chance(0.045)  # a declined card, then another one
    tried = checkout + delay(30, 0.55, 100)
    paid = np.where(stumbles, tried + delay(22, 0.5, 60), tried)
    exposed = (device == MOBILE) & (rng.random(count) < DROP)
    plan = _Plan(count, np.where(pays & exposed, (paid / 1000).astype(np.int64) * 1000, 0))

    for page in range(6):
        product = looks & (seen == page)
        plan.add(VIEW, shops & (pages > page) & ~product, moments[page], HOME if page == 0 else CATEGORY)
        plan.add(VIEW, product, moments[page], PRODUCT)
    plan.add(CART, buys, carted)
    plan.add(CART, buys & chance(0.35), carted + delay(9, 0.6, 30))
    plan.add(MERGED, goes & anonymous, checkout - 1000)
    plan.add(CHECKOUT, goes, checkout)
    plan.add(FAILED, stumbles, tried, 1)
    plan.add(FAILED, goes & ~pays & chance(0.22), tried, 1)
    plan.add(FAILED, pays, paid, 2, gate=IF_BROKEN)
    plan.add(FAILED, pays & chance(0.4), paid + delay(15, 0.4, 40), 2, gate=IF_BROKEN)
    plan.add(ORDER, pays, paid, gate=UNLESS_BROKEN)

    packed = paid + delay(330, 0.45, 1500)
    sent = packed + delay(200, 0.5, 900)
    ride = delay(900, 0.4, 2700)
    delivered = sent + ride
    comes = pays & chance(0.97)
    took = _milliseconds(delivered - paid)
    on_time = took <= 35 * 60 * 1000
    plan.add(PACKED, pays, packed, _milliseconds(packed - paid), gate=UNLESS_BROKEN)
    plan.add(DISPATCHED, comes, sent, _milliseconds(sent - packed), gate=UNLESS_BROKEN)
    plan.add(DELIVERED, comes, delivered, took, gate=UNLESS_BROKEN)
    used = delivered + delay(420, 0.6, 1700)
    uses = comes & chance(0.78)
    plan.add(USED, uses, used, gate=UNLESS_BROKEN)
    mood = rng.normal(8.45, 1.9, count) - 1.6 * ~on_time
    nps = np.clip(np.rint(mood), 0, 10).astype(np.int64)
    plan.add(NPS, uses & chance(0.30), used + delay(200, 0.6, 900), nps, gate=UNLESS_BROKEN)

    # Talking to people: some out of the blue, some because the parcel is late, many when paying does not work.
    by_chat = chance(0.45).astype(np.int64)
    upset = pays & exposed & chance(0.12)
    late = comes & ~on_time & chance(0.25)
    for who, since, gate in (
        (contacts, begin, ALWAYS),
        (late, paid + 35.0 * 60 * SECOND, UNLESS_BROKEN),
        (upset, paid + delay(60, 0.5, 150), IF_BROKEN),
    ):
        wait = delay(35, 0.7, 200)
        talk = delay(190, 0.55, 1100)
        answered = who & chance(0.93)
        solved = chance(0.80)
        ended = since + wait + talk
        plan.add(CALL, who, since, by_chat, gate)
        plan.add(ANSWERED, answered, since + wait, _milliseconds(wait) * 2 + by_chat, gate)
        plan.add(ENDED, answered, ended, (_milliseconds(talk) * 2 + solved) * 2 + by_chat, gate)
        mark = np.clip(np.rint(rng.normal(np.where(solved, 4.35, 2.5), 0.9)), 1, 5).astype(np.int64)
        plan.add(CSAT, answered & chance(0.45), ended + delay(60, 0.6, 400), mark, gate)
        complains = answered & ~solved & chance(0.6)
        complaint = ended + delay(90, 0.6, 400)
        plan.add(COMPLAINT, complains, complaint, 0, gate)
        plan.add(SOLVED, complains & chance(0.85), complaint + delay(600, 0.5, 1900), 0, gate)

    # Signing up.
    plan.add(VIEW, joins, begin, HOME)
    form = begin + delay(30, 0.7, 200)
    plan.add(VIEW, joins, form, SIGNUP)
    joined = joins & chance(0.64)
    account = form + delay(50, 0.6, 300)
    plan.add(MERGED, joined, account - 2000)
    plan.add(IDENTIFIED, joined, account - 1000)
    plan.add(ACCOUNT, joined, account)
    confirms = joined & chance(0.83)
    confirmed = account + delay(75, 0.8, 800)
    plan.add(CONFIRMED, confirms, confirmed)
    ease = np.clip(np.rint(rng.normal(5.6, 1.2, count)), 1, 7).astype(np.int64)
    plan.add(CES, confirms & chance(0.5), confirmed + delay(20, 0.5, 120), ease)

    guests = anonymous.tolist()
    new = joins.tolist()
    apps = app.tolist()
    crowd = []
    for index, (number_, region_, tier_, device_, amount_, items_) in enumerate(
        zip(
            customer.tolist(),
            region.tolist(),
            tier.tolist(),
            device.tolist(),
            amount.tolist(),
            items.tolist(),
            strict=True,
        )  # fmt: skip
    ):
        name = f"{number:x}-{index:x}"
        segments = {
            "channel": "app" if apps[index] else "web",
            "device": DEVICES[device_],
            "region": REGIONS[region_],
            "tier": "standard" if new[index] else TIERS[tier_],
            "session": f"s-{name}",
        }
        subject = f"c-{name}" if new[index] else f"c-{number_}"
        crowd.append(Visit(name, subject, f"a-{name}" if guests[index] else None, segments, amount_, items_))
    return Block(crowd, *plan.columns())


def _milliseconds(duration: Floats) -> Ints:
    return (duration / 1000).astype(np.int64)


def data(kind: int, visit: Visit, extra: int) -> dict[str, Any]:
    """`data` of one event."""
    content: dict[str, Any] = dict(visit.segments)
    if kind == VIEW:
        content["page"] = PAGES[extra]
    elif kind in (CART, CHECKOUT):
        content["amount"] = visit.amount
        content["items"] = visit.items
    elif kind == ORDER:
        content["order"] = f"o-{visit.name}"
        content["amount"] = visit.amount
        content["items"] = visit.items
    elif kind == FAILED:
        content["reason"] = "declined" if extra == 1 else "gateway_timeout"
        content["amount"] = visit.amount
    elif kind == USED:
        content["order"] = f"o-{visit.name}"
    elif kind in (PACKED, DISPATCHED):
        content["order"] = f"o-{visit.name}"
        content["took_s"] = extra / 1000
    elif kind == DELIVERED:
        content["order"] = f"o-{visit.name}"
        content["took_s"] = extra / 1000
        content["on_time"] = extra <= 35 * 60 * 1000
    elif kind in (NPS, CSAT, CES):
        content["metric"] = "nps" if kind == NPS else "csat" if kind == CSAT else "ces"
        content["score"] = extra
    elif kind == CALL:
        content["channel"] = "chat" if extra else "phone"
    elif kind == ANSWERED:
        content["channel"] = "chat" if extra & 1 else "phone"
        content["wait_s"] = (extra >> 1) / 1000
    elif kind == ENDED:
        content["channel"] = "chat" if extra & 1 else "phone"
        content["solved"] = bool(extra & 2)
        content["duration_s"] = (extra >> 2) / 1000
    elif kind == SOLVED:
        content["solved"] = True
    elif kind == MERGED:
        return {"into": visit.subject}
    elif kind == IDENTIFIED:
        return {"tier": visit.segments["tier"], "region": visit.segments["region"], "locale": "uk-UA"}
    return content
