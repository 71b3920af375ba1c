"""Staging: from files to chunks of ready-made batches."""
