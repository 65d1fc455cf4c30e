"""Monitoring exporter and alerting sidecar for model-provider authentication."""

__version__ = "0.1.0"
