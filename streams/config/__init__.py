"""The one YAML file: its grammar, how it is read, what can be wrong with it."""
