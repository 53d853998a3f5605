"""Receivers of decisions: one file per kind, the file name is the KIND of `to: KIND:URL`."""
