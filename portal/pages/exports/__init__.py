"""Exports: the list, one of them with what may be done to it, and when they run. Importing it registers the pages."""

from portal.pages.exports import actions, listing, removal, run_all, schedules, segments, show

__all__ = ["actions", "listing", "removal", "run_all", "schedules", "segments", "show"]
