"""SignalStage beside a cluster's stages in memory: it judges quotas, tells the partitions, and may crash as they do."""

from __future__ import annotations

import random

from streams.config.load import Loaded
from streams.runtime.cluster.addresses import verdicts_out
from streams.stages.signal import SignalStage
from tests.cluster_of_stages import Cluster


class Judge:
    """As the cluster's shell does it: pieces, position and verdicts are committed together, and leave after that."""

    def __init__(self, cluster: Cluster, loaded: Loaded) -> None:
        self._cluster, self._loaded = cluster, loaded
        self._pieces: dict[str, bytes] = {}
        self._stored_cursors = [0] * cluster.count
        self._sent: list[tuple[int, bytes]] = []
        """What left last."""
        self.crash()

    def crash(self) -> None:
        """What was not committed is gone."""
        self._cursors = list(self._stored_cursors)
        loaded = self._loaded
        if self._pieces:
            self._stage = SignalStage.restore(loaded.config, loaded.hash, self._pieces)
        else:
            self._stage = SignalStage(loaded.config, loaded.hash, partitions=self._cluster.count)

    def read(self, dice: random.Random) -> None:
        """Take what the partitions have committed, a partition at a time."""
        order = list(range(self._cluster.count))
        dice.shuffle(order)
        for number in order:
            partials = self._cluster.nodes[number].partials
            for partial in partials[self._cursors[number] :]:
                self._stage.process(partial)
            self._cursors[number] = len(partials)

    def commit(self) -> None:
        """Keep it, and tell the partitions."""
        quotas = self._stage.quotas
        told: list[tuple[int, bytes]] = []
        for number in range(self._cluster.count):
            told += [(number, verdicts_out(one, "partials:0", "t", number).body) for one in quotas.untold(number)]
            quotas.confirmed(number, quotas.stored.numbers.get(number, 0))
        self._pieces |= self._stage.changes()
        self._stored_cursors = list(self._cursors)
        self._sent = told or self._sent
        self._leave(told)

    def send_again(self, dice: random.Random) -> None:
        """As a relay does whose last records arrived in part: any of them, then all of them."""
        self._leave([one for one in self._sent if dice.random() < 0.5])
        self._leave(self._sent)

    def _leave(self, told: list[tuple[int, bytes]]) -> None:
        for number, body in told:
            self._cluster.append(number, body, internal=True)

    @property
    def places(self) -> dict[str, list[int]]:
        """Rule -> due times of the asks that have a place."""
        return {rule: list(used) for rule, used in self._stage.quotas.places.items()}
