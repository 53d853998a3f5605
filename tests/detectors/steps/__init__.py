"""Tests of detectors/steps."""
