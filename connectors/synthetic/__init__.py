"""Simulated shop traffic with planted incidents whose truth is known."""
