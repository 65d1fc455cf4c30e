"""The life of alerts and the words of notices. All pure."""
