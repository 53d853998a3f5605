"""The configuration files a store knows by hash: the one in force, and those that older log records were read under."""

from __future__ import annotations

from collections.abc import Mapping

from streams.config.load import Loaded, load_text
from streams.errors import CannotStart, ConfigError
from streams.rules import Rules


class Files:
    """Finds files and their compiled rules by hash.

    Parameters
    ----------
    given
        The file on the command line.
    kept
        Hash -> (name, text) of those the store holds.
    """

    def __init__(self, given: Loaded, kept: Mapping[str, tuple[str, str]]) -> None:
        self._loaded = {given.hash: given}
        self._rules: dict[str, Rules] = {}
        self._kept = kept

    def add(self, loaded: Loaded, rules: Rules) -> None:
        """One more file, with its rules compiled; the store must hold it already."""
        self._loaded[loaded.hash] = loaded
        self._rules[loaded.hash] = rules

    def loaded(self, config_hash: str) -> Loaded:
        """The file of a hash. Raises CannotStart where it is not known or can no longer be read."""
        if config_hash not in self._loaded:
            if config_hash not in self._kept:
                raise CannotStart(
                    f"the log names the file {config_hash}, which the store does not hold; restore a backup"
                )
            name, text = self._kept[config_hash]
            try:
                loaded = load_text(text, name)
            except ConfigError as error:
                raise CannotStart(
                    f"records in the log still follow an older file that cannot be read any more: {error}"
                ) from None
            self._loaded[config_hash] = loaded
        return self._loaded[config_hash]

    def rules(self, config_hash: str) -> Rules:
        """The compiled rules of a hash. Raises as `loaded` does."""
        if config_hash not in self._rules:
            self._rules[config_hash] = Rules.of(self.loaded(config_hash))
        return self._rules[config_hash]
