"""The cluster shell on real servers: Kafka, Redis and Faust."""
