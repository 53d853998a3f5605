"""Touchline's stream processor: touchpoint events in, journey signals and decisions out."""
