"""Bad input: generated and mutated files, and coverage-guided fuzzing of the parsers that are ours."""
