"""Autopilot (classic, "Autopilot Journeys"), REST API v1. Nothing outside this package knows its fields or URLs.

Facts are restated from Autopilot's API blueprint (apiary, 2015), its developer blog (June to August 2015) and what
public clients of the API do and have recorded; ``docs/autopilot.md`` lists what is certain and what is not.
"""

from shared.adapters.autopilot.destination import Autopilot

__all__ = ["Autopilot"]
