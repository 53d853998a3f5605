"""The embedded store: log, state, timers, effects and positions in one SQLite file."""
