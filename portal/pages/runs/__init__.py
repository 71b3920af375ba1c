"""Runs: all of them, one as it goes, what is to be decided, and what was rejected."""

from portal.pages.runs import deciding, listing, rejects, showing

__all__ = ["deciding", "listing", "rejects", "showing"]
