"""Counts of the example journeys made from the public rules alone, without a line of Touchline's own code."""
