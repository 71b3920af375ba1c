"""A simulator of the Autopilot (Journeys) REST API v1, for tests, benchmarks and work on one machine."""

from devkit.autopilot.simulator import AutopilotSimulator

__all__ = ["AutopilotSimulator"]
