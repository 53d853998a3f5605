"""Sources and sinks: one file per system."""
