"""Exports: what goes where, and when."""
