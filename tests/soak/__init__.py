"""The soak: many runs, each with something breaking all the time, and one story to be told by every one of them."""
