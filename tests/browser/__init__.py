"""Tests that look at the console through a real browser."""
