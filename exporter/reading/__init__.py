"""Edge. The only code that opens a gateway's files: what exists, bytes in, what changed."""
