"""The book of alerts: what watchers find becomes alerts with a life, an incident and a record."""

from __future__ import annotations
