"""The one secret file of the local vault, and everything that is derived from it."""

import hashlib
import hmac
import os
from base64 import urlsafe_b64encode
from pathlib import Path

from cryptography.fernet import Fernet


class VaultKeys:
    """Keys that stay the same over restarts on the same state folder.

    So a client that started before the vault did may keep its identity header and its tokens, as it may in Azure.
    """

    def __init__(self, state: Path) -> None:
        path = state / "vault.key"
        if not path.exists():
            write_private_file(path, os.urandom(32).hex().encode())
        self._root = bytes.fromhex(path.read_text())

    @property
    def values(self) -> Fernet:
        """Encrypts the secrets' values at rest."""
        return Fernet(urlsafe_b64encode(self._derive("values")))

    @property
    def tokens(self) -> bytes:
        """Signs access tokens: 32 bytes."""
        return self._derive("tokens")

    @property
    def identity_header(self) -> str:
        """What a caller of the identity endpoint must show, as IDENTITY_HEADER does in App Service."""
        return self._derive("identity header").hex()

    def _derive(self, purpose: str) -> bytes:
        return hmac.digest(self._root, purpose.encode(), hashlib.sha256)


def write_private_file(path: Path, content: bytes) -> None:
    """Write a file in one step, readable by its owner only."""
    aside = path.with_name(path.name + ".new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
