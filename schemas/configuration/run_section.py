"""`[run]`: how work is cut up, who does it, and when it counts as failed."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from alignbench.schemas.configuration.mistakes import refusing
from alignbench.schemas.configuration.section import Section

_ray_address = refusing(
    lambda address: address is not None and not re.fullmatch(r"(ray://)?[^\s/@?#]+:\d+", address),
    "it is not the address of a Ray cluster",
    "Write host:port, such as '10.0.0.5:6379'.",
)


class RunConfig(Section):
    """`[run]`: how work is cut up and when a run counts as failed.

    Attributes:
        commit_rows: Most items of one commit (one Parquet part, one Prefect task).
        commit_seconds: How long a finished item waits at most until its commit is written.
        max_failure_share: A run with a larger share of failed items exits with code 1.
        allow_private_addresses: Whether image URLs may lead to private and loopback addresses.
        max_shared_picture_share: `ingest` exits with code 1 if one picture stands behind a larger
            share of a source's URLs.
        runner: Who works on the items of a stage: this process, or processes of a Ray cluster.
        ray_address: Address of a cluster; not given, `RAY_ADDRESS`, or else one on this machine.
        workers: How many processes of the cluster; not given, one a GPU that a model needs, or one
            a machine.
    """

    commit_rows: Annotated[int, Field(ge=1, le=100_000)] = 2048
    commit_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    max_failure_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    allow_private_addresses: bool = False
    max_shared_picture_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    runner: Literal["local", "ray"] = "local"
    ray_address: Annotated[str | None, AfterValidator(_ray_address)] = None
    workers: Annotated[int | None, Field(ge=1, le=10_000)] = None
