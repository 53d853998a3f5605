"""Colours that mean the same on every board, by Grafana's names, which follow the light and the dark theme."""

from __future__ import annotations

GOOD, MIDDLE, BAD = "green", "yellow", "red"
CALM, QUIET = "blue", "text"
BAND = "semi-dark-blue"
"""Value and interval of the one series a panel is about."""
EXPECTED = "purple"
CLASSES = {
    "promoter": GOOD,
    "satisfied": GOOD,
    "easy": GOOD,
    "passive": MIDDLE,
    "neutral": MIDDLE,
    "detractor": BAD,
    "dissatisfied": BAD,
    "difficult": BAD,
}
"""Class of an answer -> its colour."""
SEVERITIES = {"critical": "red", "warning": "orange", "info": "blue"}
