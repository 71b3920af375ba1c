"""Alerts: telling people of changes of state, once each."""

from shared.domain.ports import Stores, Vault
from shared.domain.record import Clock
from shared.domain.run import Run
from shared.pipeline.journal import Journal


class AlertDesk:
    """Implements the port ``Alerts``."""

    def __init__(self, stores: Stores, vault: Vault, journal: Journal, clock: Clock) -> None:
        self._stores, self._vault, self._journal, self._clock = stores, vault, journal, clock

    def note_run(self, run: Run) -> None: ...

    def note_connection(self, connection_id: str, problem: str | None) -> None: ...
