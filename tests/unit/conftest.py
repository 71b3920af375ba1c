"""Settings for all unit tests."""

import pytest
from hypothesis import settings

from shared.bootstrap import app
from tests.unit.portal_client import NEEDED

# A slow machine is not a fault: no property may fail for the time it took.
settings.register_profile("segpilot", deadline=None)
settings.load_profile("segpilot")


@pytest.fixture
def needed_settings(monkeypatch: pytest.MonkeyPatch):
    """The app is made with the settings that it cannot be without, and forgotten afterwards."""
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    app.cache_clear()
    yield
    app.cache_clear()
