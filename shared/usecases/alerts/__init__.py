"""Alerts: telling people of changes of state."""
