"""The verdicts: from what was read, and the time, to what it means for a profile, a provider and an agent. All pure."""
