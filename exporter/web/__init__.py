"""Edge. The web server: metrics, health, the page."""
