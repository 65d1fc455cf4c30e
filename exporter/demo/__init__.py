"""A throw-away gateway home that shows every state: what stands in its stores, and the writing of them."""
