"""Settings as people write them: the file, the environment and the text forms of values."""
