"""Connections: where data may go. Importing this package registers its pages."""

from portal.pages.connections import adding, alerting, keys, listing, lists, removing, showing, suppressing

__all__ = ["adding", "alerting", "keys", "listing", "lists", "removing", "showing", "suppressing"]
