"""Which probes are meant, which are due and what is remembered of them. All pure."""
