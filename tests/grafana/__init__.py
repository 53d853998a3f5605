"""The boards: what they ask, how they stand, and what they show of a running service."""
