"""Secrets and their versions, with soft delete, kept in one file whose values are encrypted.

Rules and error codes: Microsoft Learn, "About Azure Key Vault secrets" and the Key Vault REST
reference (Secrets).
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import uuid4

from cryptography.fernet import Fernet

from devkit.vault.keys import write_private_file

NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
MAX_VALUE_BYTES = 25 * 1024


class VaultError(Exception):
    """A refusal as Key Vault words it: HTTP status, code and, for some, an inner code."""

    def __init__(self, status: int, code: str, message: str, *, inner: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.inner = inner


@dataclass
class SecretVersion:
    """One value of a secret, encrypted. Times are Unix seconds."""

    id: str
    encrypted_value: str
    content_type: str | None
    tags: dict[str, str]
    created: int
    updated: int
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None


@dataclass
class Secret:
    """A name and its versions, oldest first; `deleted` says when it was soft-deleted."""

    name: str
    versions: list[SecretVersion] = field(default_factory=list)
    deleted: int | None = None

    @property
    def latest(self) -> SecretVersion:
        return self.versions[-1]


class SecretStore:
    """All secrets of the vault. Every change is on disk before the method returns."""

    def __init__(self, path: Path, cipher: Fernet) -> None:
        self._path = path
        self._cipher = cipher
        self._secrets: dict[str, Secret] = {}
        if path.exists():
            for item in json.loads(path.read_text(encoding="utf-8")):
                versions = [SecretVersion(**version) for version in item["versions"]]
                self._secrets[item["name"].lower()] = Secret(item["name"], versions, item["deleted"])

    def set(
        self,
        name: str,
        value: object,
        *,
        content_type: str | None,
        tags: dict[str, str],
        attributes: dict[str, object],
    ) -> tuple[Secret, SecretVersion]:
        """Add a version to a secret, which need not exist yet."""
        if not NAME.fullmatch(name):
            raise VaultError(
                400, "BadParameter", f"The name {name!r} may hold letters, digits and dashes only."
            )
        if not isinstance(value, str) or len(value.encode()) > MAX_VALUE_BYTES:
            raise VaultError(
                400, "BadParameter", f"The value must be text of at most {MAX_VALUE_BYTES} bytes."
            )
        secret = self._secrets.setdefault(name.lower(), Secret(name))
        if secret.deleted is not None:
            message = f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused."
            raise VaultError(409, "Conflict", message, inner="ObjectIsDeletedButRecoverable")
        now = int(time.time())
        encrypted = self._cipher.encrypt(value.encode()).decode()
        version = SecretVersion(uuid4().hex, encrypted, content_type, tags, created=now, updated=now)
        _apply(version, attributes)
        secret.versions.append(version)
        self._save()
        return secret, version

    def update(
        self,
        name: str,
        version_id: str,
        *,
        content_type: str | None,
        tags: dict[str, str] | None,
        attributes: dict[str, object],
    ) -> tuple[Secret, SecretVersion]:
        """Change what is said about a version, not its value. None leaves a part as it is."""
        secret, version = self.find(name, version_id)
        if content_type is not None:
            version.content_type = content_type
        if tags is not None:
            version.tags = tags
        _apply(version, attributes)
        version.updated = int(time.time())
        self._save()
        return secret, version

    def find(self, name: str, version_id: str = "") -> tuple[Secret, SecretVersion]:
        """Return a secret and the version asked for, or its latest."""
        secret = self._secrets.get(name.lower())
        if secret is not None and secret.deleted is None:
            for version in reversed(secret.versions):
                if version_id in ("", version.id):
                    return secret, version
        raise _not_found(f"{name}/{version_id}" if version_id else name)

    def reveal(self, version: SecretVersion) -> str:
        """Return the plain value; a disabled version has none to give."""
        if not version.enabled:
            message = "Operation get is not allowed on a disabled secret."
            raise VaultError(403, "Forbidden", message, inner="SecretDisabled")
        return self._cipher.decrypt(version.encrypted_value).decode()

    def delete(self, name: str) -> Secret:
        """Soft-delete a secret with all its versions."""
        secret, _ = self.find(name)
        secret.deleted = int(time.time())
        self._save()
        return secret

    def find_deleted(self, name: str) -> Secret:
        secret = self._secrets.get(name.lower())
        if secret is None or secret.deleted is None:
            raise _not_found(name)
        return secret

    def recover(self, name: str) -> Secret:
        secret = self.find_deleted(name)
        secret.deleted = None
        self._save()
        return secret

    def purge(self, name: str) -> None:
        """Forget a soft-deleted secret for good."""
        self.find_deleted(name)
        del self._secrets[name.lower()]
        self._save()

    def list(self, *, deleted: bool) -> Iterator[Secret]:
        """Yield the secrets, or the soft-deleted ones, in the order of their names."""
        for _, secret in sorted(self._secrets.items()):
            if (secret.deleted is not None) == deleted:
                yield secret

    def versions(self, name: str) -> Iterator[tuple[Secret, SecretVersion]]:
        """Yield the versions of a secret, oldest first; none for a name that is not there."""
        secret = self._secrets.get(name.lower())
        if secret is not None and secret.deleted is None:
            for version in secret.versions:
                yield secret, version

    def _save(self) -> None:
        content = json.dumps([asdict(secret) for secret in self._secrets.values()], indent=1)
        write_private_file(self._path, content.encode())


def _apply(version: SecretVersion, attributes: dict[str, object]) -> None:
    for name, key in (("enabled", "enabled"), ("not_before", "nbf"), ("expires", "exp")):
        if attributes.get(key) is not None:
            setattr(version, name, attributes[key])


def _not_found(what: str) -> VaultError:
    message = (
        f"A secret with (name/id) {what} was not found in this key vault. If you recently deleted this secret "
        "you may be able to recover it using the correct recovery command."
    )
    return VaultError(404, "SecretNotFound", message)
