"""Shells around the pure stages: replay, embedded service, cluster worker."""
