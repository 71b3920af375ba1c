"""Erasure: everything that is kept of one person."""
