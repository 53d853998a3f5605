"""Real Kafka and Redis on one core, what is measured on the other."""
