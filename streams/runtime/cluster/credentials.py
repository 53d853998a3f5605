"""The cluster's Kafka security in Faust's words; apart, because the door needs no Faust."""

from __future__ import annotations

import faust

from streams.runtime.cluster.security import KafkaSecurity


def credentials(security: KafkaSecurity) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """For Faust's `broker_credentials`; None where brokers ask for nothing. Raises CannotStart for unusable files."""
    if security.sasl:
        return faust.SASLCredentials(
            username=security.username,
            password=security.password,
            ssl_context=security.context(),
            mechanism=security.mechanism,
        )
    return faust.SSLCredentials(context=security.context()) if security.tls else None
