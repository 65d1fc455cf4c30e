"""Pure. Places that should say the same, compared: one file per kind, fingerprints only. `compare.compare` asks all of them."""
