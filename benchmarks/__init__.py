"""Measurements behind the claims in the documentation; results are written with machine and commit."""
