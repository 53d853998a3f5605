"""Tests mirror the packages path for path."""
