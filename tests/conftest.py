"""Fixtures for all layers."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from devkit.azurite import AzuriteServer


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteServer]:
    """One storage emulator for the whole session; ask for unique names inside it."""
    with AzuriteServer(tmp_path_factory.mktemp("azurite")) as server:
        yield server


@pytest.fixture
def unique_name() -> str:
    """A name that no other test has: valid for a blob container, a queue and a table."""
    return f"t{uuid4().hex}"
