"""Whole watched series that are no steps: what is usual, the evidence against it, alarm and all-clear."""

from __future__ import annotations
