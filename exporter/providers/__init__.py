"""Pure. What is known of each model provider: how to ask whether a key is accepted, and how to read the answer."""
