"""From a line of a file to an answer that a model gave elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from alignbench.judging.questions.entries import Entry, Kind, read_entries
from alignbench.schemas.item_codes import ItemError
from alignbench.schemas.protocols import ItemFailureAt


class AnswerInFile(NamedTuple):
    """An answer, and the question that it is one to.

    Attributes:
        place: File and line, or row.
        cluster: The question's cluster.
        variant: Which of the cluster it is.
        text: What the model wrote.
    """

    place: str
    cluster: str
    variant: str
    text: str

    @property
    def name(self) -> str:
        """The question's name, as AlignMMBench writes it."""
        return f"{self.cluster}-{self.variant}"


def read_answers(path: Path, kind: Kind) -> Iterator[AnswerInFile | ItemFailureAt]:
    """Yields the answers of a file, and a failure for each entry that is none.

    Args:
        path: The file.
        kind: How it is laid out: `question_id` and `predict`, as AlignMMBench's script reads
            them, or `cluster`, `variant` and `answer`.

    Raises:
        QuestionFileError: The file as a whole cannot be read.
    """
    for entry in read_entries(path):
        if isinstance(entry, ItemFailureAt):
            yield entry
            continue
        try:
            yield _of_alignmmbench(entry) if kind is Kind.ALIGNMMBENCH else _of_own(entry)
        except ItemError as error:
            yield ItemFailureAt(entry.place, error.failure)


def _of_alignmmbench(entry: Entry) -> AnswerInFile:
    return AnswerInFile(entry.place, *entry.question_name(), entry.text("predict"))


def _of_own(entry: Entry) -> AnswerInFile:
    cluster, variant = entry.text("cluster"), entry.text("variant", default="0")
    return AnswerInFile(entry.place, cluster, variant, entry.text("answer"))
