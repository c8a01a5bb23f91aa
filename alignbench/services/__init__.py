"""Local services of a workspace: a Prefect server and a Label Studio, on loopback only."""

from alignbench.services.connections import Connection, label_studio_connection, prefect_api_url
from alignbench.services.credentials import LabelStudioCredentials, read_credentials
from alignbench.services.lifecycle import ALL_SERVICES, down, status, up
from alignbench.services.state import ServiceName, ServiceState, ServiceStatus

__all__ = [
    "ALL_SERVICES",
    "Connection",
    "LabelStudioCredentials",
    "ServiceName",
    "ServiceState",
    "ServiceStatus",
    "down",
    "label_studio_connection",
    "prefect_api_url",
    "read_credentials",
    "status",
    "up",
]
