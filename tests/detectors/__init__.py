"""Tests of the detectors: what each promises, and what all of them keep to."""
