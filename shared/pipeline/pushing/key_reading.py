"""The key of a connection, as a session asks for it: one that is being replaced is waited for.

Autopilot has one key per account, and making a new one ends the old one at once (Autopilot API documentation). Between
that moment and the one in which somebody has given Segpilot the new key, runs that are under way would fail.
"""

from collections.abc import Callable

from shared.domain.connection import Connection, ConnectionStatus
from shared.domain.ports import Stores, Vault

_LOOK_AGAIN_S = 2.0


class KeyReader:
    """Reads the key for one session; to be called by one thread at a time. ``pause`` waits for some seconds.

    A key that was refused is asked for again until it is another one, for at most ``patience_s`` altogether, and only
    where the connection has worked before. The connection may meanwhile have been given another secret.
    """

    def __init__(
        self,
        stores: Stores,
        vault: Vault,
        connection: Connection,
        pause: Callable[[float], None],
        patience_s: float,
    ) -> None:
        self._stores, self._vault, self._connection_id, self._pause = stores, vault, connection.id, pause
        self._patience_s = patience_s if connection.status is ConnectionStatus.CONNECTED else 0.0
        self._last = ""

    def __call__(self, fresh: bool) -> str:
        """Return the key; ``fresh`` = the last one was refused. Raises SecretUnavailable, NotFound or Stopped."""
        key = self._read(fresh)
        while fresh and key == self._last and self._patience_s > 0:
            self._patience_s -= _LOOK_AGAIN_S
            self._pause(_LOOK_AGAIN_S)
            key = self._read(fresh)
        self._last = key
        return key

    def _read(self, fresh: bool) -> str:
        connection = self._stores.connections.get(self._connection_id).record
        return self._vault.read(connection.secret_name, fresh=fresh)
