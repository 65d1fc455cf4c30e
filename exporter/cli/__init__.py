"""The commands: one file per command, and what they share."""
