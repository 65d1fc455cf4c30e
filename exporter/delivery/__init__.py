"""Delivery of notices: one file per kind of channel, and the round that serves them all."""
