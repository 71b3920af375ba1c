"""Connections: where data may go."""
