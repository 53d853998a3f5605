"""Change detectors: pure arithmetic on numbers, nothing of streams or connectors."""
