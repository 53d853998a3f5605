"""Tests of the simulated traffic, the oracles and the rivals."""

from __future__ import annotations
