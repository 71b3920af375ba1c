"""Settings for all unit tests."""

from hypothesis import settings

# A slow machine is not a fault: no property may fail for the time it took.
settings.register_profile("segpilot", deadline=None)
settings.load_profile("segpilot")
