"""A local host for the function app: HTTP, blob, timer and durable triggers on one machine, never deployed."""
