"""Edge. What this host knows of a gateway: its processes, its service definitions, the environment they run with."""

from exporter.host.environment import HostReader, HostReport, gateway_environment

__all__ = ["HostReader", "HostReport", "gateway_environment"]
