"""Everything Segpilot needs to run on one machine. Never deployed, never imported by the app."""
