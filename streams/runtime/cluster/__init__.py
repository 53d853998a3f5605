"""The cluster shell: Kafka is the log, Faust the worker, Redis the store."""
