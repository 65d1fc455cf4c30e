"""Pure. The catalogue of conditions: one entry per thing that can be wrong, and `catalogue.find`, which looks for all of them."""
