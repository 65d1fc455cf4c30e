"""Sending probes and taking their answers: one request, one pass, one round."""
