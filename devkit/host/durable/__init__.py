"""Durable Functions on one machine: the engine behind orchestrator, activity and entity functions."""
