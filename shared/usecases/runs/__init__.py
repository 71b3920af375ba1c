"""Runs: what starts them, and what can be seen and decided of them."""
