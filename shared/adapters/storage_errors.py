"""What goes wrong with Azure Storage, in the words of our own errors."""

import contextlib
from collections.abc import Iterator

from azure.core.exceptions import AzureError

from shared.domain.errors import StorageUnavailable


@contextlib.contextmanager
def storage_errors(kind: str) -> Iterator[None]:
    """Turn every error of the SDK that was not expected into StorageUnavailable. ``kind``: "Table" or "Blob"."""
    try:
        yield
    except AzureError as problem:
        raise StorageUnavailable(
            f"{kind} storage did not answer as expected ({type(problem).__name__}).",
            remedy="Try again; if it stays so, check the storage account and the app's role on it.",
        ) from problem
