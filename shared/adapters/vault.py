"""Azure Key Vault: the API keys of the connections."""

import contextlib
import re
import time
from collections.abc import Callable, Iterator

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.keyvault.secrets import SecretClient

from shared.domain.errors import SecretUnavailable

_KEEP_S = 300
_FORBIDDEN = 403
_is_name = re.compile(r"[0-9A-Za-z-]{1,127}", re.ASCII).fullmatch


class KeyVault:
    """Remembers keys in this process for five minutes: Key Vault limits reads and advises to cache
    (Azure Key Vault throttling guidance)."""

    def __init__(self, client: SecretClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._clock = client, clock
        self._known: dict[str, tuple[str, float]] = {}

    def store(self, name: str, value: str) -> None:
        with self._errors(name):
            try:
                self._client.set_secret(name, value)
            except ResourceExistsError:
                # A removed secret keeps its name until it is purged (soft delete).
                self._client.begin_recover_deleted_secret(name).wait()
                self._client.set_secret(name, value)
        self._known[name] = (value, self._clock())

    def read(self, name: str, *, fresh: bool = False) -> str:
        known = self._known.get(name)
        if known and not fresh and self._clock() - known[1] < _KEEP_S:
            return known[0]
        with self._errors(name):
            value = self._client.get_secret(name).value
        if not value:
            raise SecretUnavailable(
                f"The Key Vault secret '{name}' is empty.",
                missing=True,
                remedy="Give the secret a value: the API key.",
            )
        self._known[name] = (value, self._clock())
        return value

    def remove(self, name: str) -> None:
        self._known.pop(name, None)
        with self._errors(name), contextlib.suppress(ResourceNotFoundError):
            self._client.begin_delete_secret(name).wait()

    def names(self) -> list[str]:
        with self._errors("segpilot-list"):
            found = self._client.list_properties_of_secrets()
            return sorted(secret.name for secret in found if secret.name and secret.enabled)

    def ping(self) -> None:
        with self._errors("segpilot-ping"), contextlib.suppress(ResourceNotFoundError):
            self._client.get_secret("segpilot-ping")

    @contextlib.contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        if not _is_name(name):
            raise SecretUnavailable(
                "The name of the Key Vault secret is not one that Key Vault takes.",
                missing=True,
                remedy="Use 1 to 127 letters, digits and hyphens.",
            )
        try:
            yield
        except ResourceNotFoundError:
            raise SecretUnavailable(
                f"There is no Key Vault secret '{name}'.",
                missing=True,
                remedy="Create the secret, or choose another one for the connection.",
            ) from None
        except ClientAuthenticationError:
            raise SecretUnavailable(
                "The app could not sign in to Key Vault.",
                remedy="Switch the app's managed identity on, or check the settings of its identity.",
            ) from None
        except HttpResponseError as problem:
            if problem.status_code == _FORBIDDEN:
                raise SecretUnavailable(
                    f"Key Vault does not let this app use the secret '{name}'.",
                    forbidden=True,
                    remedy="Give the app's identity the role Key Vault Secrets Officer, or User for reading "
                    "only; check that the secret is enabled.",
                ) from None
            raise SecretUnavailable(
                f"Key Vault answered with status {problem.status_code}.", remedy="Try again later."
            ) from None
        except AzureError as problem:
            raise SecretUnavailable(
                f"Key Vault cannot be reached ({type(problem).__name__}).", remedy="Try again later."
            ) from None
