"""Histories of real runs: recorded once for each version of the orchestrations, and replayed by all later code."""
