"""Pure. Parsers: one file per on-disk format; bytes in, nouns and problems out."""
