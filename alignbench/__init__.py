"""AlignBench from Python: open a release, verify it, and evaluate detectors on it.

    import alignbench

    release = alignbench.open_release("releases/demo/1.0.0")   # or s3://bucket/demo/latest
    for sentence in release.sentences(split="test"):
        print(sentence.annotation, sentence.caption, sentence.image)
    frame = release.to_pandas()                                # to_arrow, to_datasets, votes

    def my_detector(image, sentences):                         # a PIL image, a list of texts
        return [my_model(image, sentence) for sentence in sentences]

    done = alignbench.evaluate(release, {"mine": my_detector, "length": "sentence_length"})
    print(done.report, done.results.to_pandas("auroc_by_model"))

    answers = alignbench.open_question_release("releases/questions/1.0.0")
    print(answers.to_pandas("responses"), answers.scores())

    report = alignbench.verify("releases/demo/1.0.0")          # of either kind
    print(report.ok, report.findings)

Importing this module imports nothing else: each name is looked up when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alignbench.evaluation.chosen_detectors.entries import DetectorEntry, parse_detector
    from alignbench.evaluation.chosen_detectors.functions import FunctionDetector
    from alignbench.evaluation.evaluate import Evaluation, Settings
    from alignbench.evaluation.results import Results
    from alignbench.flows.evaluate import evaluate
    from alignbench.release.any_kind import verify
    from alignbench.release.diff import Difference, diff_releases
    from alignbench.release.questions.diff import diff_question_releases
    from alignbench.release.verify.report import VerifyReport
    from alignbench.release_format.question_release import QuestionRelease, open_question_release
    from alignbench.release_format.release import Release, Sentence, open_release
    from alignbench.schemas.errors import AlignBenchError

    __version__: str

__all__ = [
    "AlignBenchError",
    "DetectorEntry",
    "Difference",
    "Evaluation",
    "FunctionDetector",
    "QuestionRelease",
    "Release",
    "Results",
    "Sentence",
    "Settings",
    "VerifyReport",
    "__version__",
    "diff_question_releases",
    "diff_releases",
    "evaluate",
    "open_question_release",
    "open_release",
    "parse_detector",
    "verify",
]

# The imports above, for the running program; a test compares the two.
_MODULE_OF = {
    "AlignBenchError": "alignbench.schemas.errors",
    "DetectorEntry": "alignbench.evaluation.chosen_detectors.entries",
    "Difference": "alignbench.release.diff",
    "Evaluation": "alignbench.evaluation.evaluate",
    "FunctionDetector": "alignbench.evaluation.chosen_detectors.functions",
    "QuestionRelease": "alignbench.release_format.question_release",
    "Release": "alignbench.release_format.release",
    "Results": "alignbench.evaluation.results",
    "Sentence": "alignbench.release_format.release",
    "Settings": "alignbench.evaluation.evaluate",
    "VerifyReport": "alignbench.release.verify.report",
    "diff_question_releases": "alignbench.release.questions.diff",
    "diff_releases": "alignbench.release.diff",
    "evaluate": "alignbench.flows.evaluate",
    "open_question_release": "alignbench.release_format.question_release",
    "open_release": "alignbench.release_format.release",
    "parse_detector": "alignbench.evaluation.chosen_detectors.entries",
    "verify": "alignbench.release.any_kind",
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
