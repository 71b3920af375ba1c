"""Segments: what arrives, and what is declared about it."""
