"""Pushing: chunks to the destination, as fast as it allows."""
