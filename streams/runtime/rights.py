"""The least role each address asks for: one table, and nothing is served that is not in it."""

from __future__ import annotations

from streams.runtime.access import Role

_VIEWER, _AGENT, _ADMIN = Role.VIEWER, Role.AGENT, Role.ADMIN

LEAST: dict[str, Role | None] = {
    "GET /api/v1/journeys": _VIEWER,
    "GET /api/v1/signals": _VIEWER,
    "GET /api/v1/asking": _VIEWER,
    "GET /api/v1/alerts": _VIEWER,
    "GET /api/v1/watched": _VIEWER,
    "GET /api/v1/health": _VIEWER,
    "GET /api/v1/decisions": _VIEWER,
    "GET /api/v1/dlq": _VIEWER,
    "GET /api/v1/stream": _VIEWER,
    "GET /metrics": _VIEWER,
    "GET /api/v1/deliveries": _VIEWER,
    "POST /api/v1/alerts/{fingerprint}/ack": _AGENT,
    "POST /api/v1/alerts/{fingerprint}/snooze": _AGENT,
    "POST /api/v1/alerts/{fingerprint}/accept": _AGENT,
    "GET /api/v1/customers/{id}": _AGENT,
    "GET /api/v1/cases": _AGENT,
    "GET /api/v1/cases/{id}": _AGENT,
    "POST /api/v1/cases/{id}/assign": _AGENT,
    "POST /api/v1/cases/{id}/contact": _AGENT,
    "POST /api/v1/cases/{id}/resolve": _AGENT,
    "POST /api/v1/cases/{id}/communicate": _AGENT,
    "POST /api/v1/cases/{id}/close": _AGENT,
    "POST /api/v1/cases/{id}/reopen": _AGENT,
    "GET /api/v1/dlq/{id}": _AGENT,
    "POST /api/v1/dlq/{id}/redrive": _ADMIN,
    "POST /api/v1/deliveries/replay": _ADMIN,
    "POST /api/v1/deliveries/{id}/replay": _ADMIN,
    "GET /": None,
    "GET /{file}": None,
    "GET /texts/{file}": None,
    "GET /api/v1/session": None,
    "POST /api/v1/session": None,
    "DELETE /api/v1/session": None,
}
"""`METHOD pattern` -> role; None: whoever may reach the service at all, as signing in needs a page to sign in on.

The door asks for write keys instead, and `/livez` and `/readyz` for nothing.
"""
