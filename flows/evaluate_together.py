"""evaluate, over several releases: each by itself, then one table of them all.

What comes in: releases, ours or imported. What is done: `evaluate` for one after the other, each in
a place of its own. What goes out: their reports, and one with detectors by releases.
"""

from collections.abc import Sequence
from pathlib import Path

from alignbench.evaluation.chosen_detectors.entries import DetectorEntry
from alignbench.evaluation.evaluate import Settings
from alignbench.evaluation.together import Together, report_together
from alignbench.flows.evaluate import evaluate
from alignbench.release_format.folder import open_release
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import derive_id

_ID_LETTERS = 12


def evaluate_together(
    addresses: Sequence[str],
    detectors: Sequence[DetectorEntry],
    out: Path | str | None = None,
    settings: Settings | None = None,
) -> Together:
    """Evaluates several releases and puts them into one table.

    Args:
        addresses: The releases, each a folder or `s3://bucket/prefix`.
        detectors: Who scores.
        out: Folder of the common report, in which each release has a folder of its own; by default
            each release is evaluated where it would be alone, and the common report goes to
            `evaluations/together/…` in the current folder.
        settings: How it is done.

    Raises:
        UsageError: Two releases have one name and version.
    """
    names = [open_release(address).name for address in addresses]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"Two releases are {name}.", "Name each release once.")
    settings = settings or Settings()
    found = {
        name: evaluate(address, detectors, None if out is None else Path(out, name), settings)
        for name, address in zip(names, addresses, strict=True)
    }
    common = Path("evaluations", "together", derive_id(*names)[:_ID_LETTERS])
    folder = common if out is None else Path(out)
    return report_together(found, folder, figures=settings.figures)
