"""Which Segpilot this is."""

VERSION = "1.0.0"
