"""Tests of the benchmarks: what they simulate, and the oracles they measure against."""

from __future__ import annotations
