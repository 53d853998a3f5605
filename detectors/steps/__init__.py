"""Drops of a journey step: who is in flight at which age, how fast they should go on, and who did."""

from __future__ import annotations
