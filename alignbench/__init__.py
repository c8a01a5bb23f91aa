"""AlignBench from Python: open a release, verify it, and evaluate detectors on it.

    import alignbench

    release = alignbench.open_release("releases/demo/1.0.0")   # or s3://bucket/demo/latest
    report = alignbench.verify("releases/demo/1.0.0")
    print(report.ok, report.findings)

    done = alignbench.evaluate(
        "releases/demo/1.0.0", [alignbench.parse_detector("sentence_length")], out="report"
    )
    print(done.report, done.analyses[1].table)

Importing this module imports nothing else: each name is looked up when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alignbench.evaluation.entries import DetectorEntry, parse_detector
    from alignbench.evaluation.evaluate import Evaluation, Settings
    from alignbench.flows.evaluate import evaluate
    from alignbench.release.verify.report import VerifyReport
    from alignbench.release.verify.verify import verify
    from alignbench.release_format.folder import ReleaseFolder, open_release
    from alignbench.schemas.errors import AlignBenchError

    __version__: str

__all__ = [
    "AlignBenchError",
    "DetectorEntry",
    "Evaluation",
    "ReleaseFolder",
    "Settings",
    "VerifyReport",
    "__version__",
    "evaluate",
    "open_release",
    "parse_detector",
    "verify",
]

# The imports above, for the running program; a test compares the two.
_MODULE_OF = {
    "AlignBenchError": "alignbench.schemas.errors",
    "DetectorEntry": "alignbench.evaluation.entries",
    "Evaluation": "alignbench.evaluation.evaluate",
    "ReleaseFolder": "alignbench.release_format.folder",
    "Settings": "alignbench.evaluation.evaluate",
    "VerifyReport": "alignbench.release.verify.report",
    "evaluate": "alignbench.flows.evaluate",
    "open_release": "alignbench.release_format.folder",
    "parse_detector": "alignbench.evaluation.entries",
    "verify": "alignbench.release.verify.verify",
}


if not TYPE_CHECKING:  # a type checker would take any name for one of the module's

    def __getattr__(name):
        """Imports a public name when it is first used (PEP 562)."""
        if name == "__version__":
            from importlib.metadata import version

            value = version("alignbench")
        elif name in _MODULE_OF:
            from importlib import import_module

            value = getattr(import_module(_MODULE_OF[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """Lists the public names."""
    return sorted({*globals(), *__all__})
