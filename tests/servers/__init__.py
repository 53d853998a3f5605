"""Real servers for tests, started without root and on free ports."""
