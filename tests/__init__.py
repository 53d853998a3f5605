"""Tests of Touchline; the folders mirror the packages."""
