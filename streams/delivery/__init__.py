"""Decisions on their way out: who receives them, when they are tried again, what belongs together. No I/O, no clock."""
