"""SignalStage in the embedded service: fed with partials in order, from the stored ones after a start."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec

from streams.effects import Decision, Partial
from streams.runtime.files import Files
from streams.stages.signal import SignalStage
from streams.view import View

_decode = msgspec.msgpack.Decoder(Partial).decode


class SignalFeed:
    """Holds the stage, the partials it has not seen yet, and how far it has come.

    Parameters
    ----------
    files
        Finds the file of a partial.
    pieces
        The stage as it was stored; empty for a new one.
    read
        Number of the first partial the pieces do not contain.
    config
        Hash of the file the pieces follow.
    learnt
        Baselines to begin with where nothing is stored.
    """

    def __init__(
        self, files: Files, pieces: Mapping[str, bytes], read: int, config: str, learnt: bytes | None = None
    ) -> None:
        file = files.loaded(config).config
        self.stage = SignalStage.restore(file, config, pieces) if pieces else SignalStage(file, config)
        if learnt is not None and not pieces:
            self.stage.detection.learn(learnt)
        self.read = read
        """Number of the next partial."""
        self._files = files
        self._stored_names = set(pieces)
        self._switched = False
        """Another file came into force since the last `changes`."""
        self._waiting: deque[Partial] = deque()
        self._view: View | None = None

    @property
    def waiting(self) -> int:
        """Partials not fed yet."""
        return len(self._waiting)

    def add(self, partials: Sequence[Partial]) -> None:
        """Partials to feed, in order of their numbers."""
        self._waiting.extend(partials)

    def add_stored(self, bodies: Sequence[bytes]) -> None:
        """The same, as stored."""
        self._waiting.extend(_decode(body) for body in bodies)

    def feed_one(self) -> list[Decision]:
        """Feed the next partial; returns what was decided."""
        partial = self._waiting.popleft()
        if partial.sequence != self.read:
            raise RuntimeError(f"partial {partial.sequence} came where {self.read} was expected")
        if partial.config != self.stage.hash:
            self.stage.activate(self._files.loaded(partial.config).config, partial.config)
            self._switched = True
        self.read += 1
        self._view = None
        return self.stage.process(partial)

    def changes(self) -> tuple[dict[str, bytes | None], int, str]:
        """Pieces to store, the number of the first partial they do not contain, the hash of their file.

        After a change of files everything is written and what is no longer in it is deleted: a step that comes back
        under a later file begins anew, after a restart too.
        """
        pieces: dict[str, bytes | None] = dict(self.stage.changes())
        if self._switched:
            everything = self.stage.snapshot()
            pieces = {**dict.fromkeys(self._stored_names - everything.keys()), **everything}
            self._switched = False
            self._stored_names = set(everything)
        else:
            self._stored_names |= pieces.keys()
        return pieces, self.read, self.stage.hash

    def view(self, config: str) -> View:
        """What is to be shown now; `config` is the hash of the file in force.

        The stage follows with the next partial. Before the first there is none, so a file that changes meanwhile is
        shown as it will begin.
        """
        if self.read == 0 and config != self.stage.hash:
            return SignalStage(self._files.loaded(config).config, config).view()
        if self._view is None:
            self._view = self.stage.view()
        return self._view
