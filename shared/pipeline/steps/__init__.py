"""The steps of a run. Each reads what it needs from storage, so that any worker can repeat it."""
