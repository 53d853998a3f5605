"""Watched series, driven as the watchers drive them."""
