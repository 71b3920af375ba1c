"""Starts, watches and ends everything that Segpilot needs on one machine."""
