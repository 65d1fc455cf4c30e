"""Edge. `python -m exporter`: the same as the command `model-auth-exporter`."""

from exporter.cli.main import run

run()
