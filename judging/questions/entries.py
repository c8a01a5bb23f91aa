"""From a line of a file to a question: AlignMMBench's own metadata, and files of one's own."""

import json
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from alignbench.judging.errors import QuestionFileError
from alignbench.judging.questions.quirks import Quirk, quirks_of
from alignbench.judging.questions.tasks import Tasks
from alignbench.schemas.ids import question_facts, question_id
from alignbench.schemas.item_codes import ItemCode, ItemError, shorten
from alignbench.schemas.protocols import ItemFailureAt
from alignbench.schemas.registry import suggestion
from alignbench.schemas.rows.questions import Question, Turn
from alignbench.schemas.text import clean_text

MAX_LINE: Final = 4 << 20
"""Most bytes of one entry."""


class Kind(StrEnum):
    """How a file of questions is laid out."""

    ALIGNMMBENCH = "alignmmbench"
    """`metadata.jsonl` as AlignMMBench publishes it; its questions are Chinese."""
    OWN = "own"
    """JSON Lines or Parquet with the columns of table `questions`."""


class Entry(NamedTuple):
    """One entry of a file, decoded.

    Attributes:
        place: File and line, or row.
        values: By key.
    """

    place: str
    values: Mapping[str, object]

    def text(self, key: str, *, default: str | None = None) -> str:
        """Returns the text under a key.

        Raises:
            ItemError: There is none, or it is not text.
        """
        value = self.values.get(key)
        if value is None or value == "":
            if default is not None:
                return default
            raise ItemError(
                ItemCode.ENTRY_INCOMPLETE.failure(f"{self.place} has no value for {key!r}.")
            )
        if not isinstance(value, str):
            raise self.wrong(f"{key!r} should be text, but is {value!r:.80}")
        return value

    def history(self) -> list[Turn]:
        """Returns the earlier turns.

        Raises:
            ItemError: They are not a list of objects with `user` and `assistant`.
        """
        turns = self.values.get("history")
        if turns is None:
            return []
        if not isinstance(turns, list):
            raise self.wrong(f"'history' should be a list of turns, but is {turns!r:.80}")
        found = []
        for turn in turns:
            if not isinstance(turn, dict) or not all(
                isinstance(turn.get(key), str) for key in ("user", "assistant")
            ):
                raise self.wrong(f"a turn should have 'user' and 'assistant', but is {turn!r:.80}")
            found.append(Turn(user=turn["user"], assistant=turn["assistant"]))
        return found

    def question_name(self) -> tuple[str, str]:
        """Returns cluster and variant, as AlignMMBench names a question.

        Raises:
            ItemError: There is no such name.
        """
        name = self.text("question_id")
        cluster, dash, variant = name.rpartition("-")
        if not (dash and cluster and variant):
            raise self.wrong(f"'question_id' should be CLUSTER-VARIANT, but is {name!r:.80}")
        return cluster, variant

    def wrong(self, what: str) -> ItemError:
        """Returns the error of a value of the wrong kind."""
        return ItemError(ItemCode.ENTRY_INVALID.failure(clean_text(f"{self.place}: {what}.").text))


def read_questions(
    path: Path, kind: Kind, source: str, tasks: Tasks
) -> Iterator[Question | ItemFailureAt]:
    """Yields the questions of a file, and a failure for each entry that is none.

    Args:
        path: The file.
        kind: How it is laid out.
        source: The name of the set.
        tasks: Tasks that its questions may be of.

    Raises:
        QuestionFileError: The file as a whole cannot be read.
    """
    question = _of_alignmmbench if kind is Kind.ALIGNMMBENCH else _of_own
    seen: dict[tuple[str, str], str] = {}
    shared: dict[str, tuple[str, str, str]] = {}
    for entry in read_entries(path):
        if isinstance(entry, ItemFailureAt):
            yield entry
            continue
        try:
            read = question(entry, source, tasks)
            _check_place_in_set(entry, read, seen, shared)
        except ItemError as error:
            yield ItemFailureAt(entry.place, error.failure)
        else:
            yield read


def _of_alignmmbench(entry: Entry, source: str, tasks: Tasks) -> Question:
    place = (*entry.question_name(), "zh")
    return _question(entry, source, tasks, place, ("image_path", "ref_answer"))


def _of_own(entry: Entry, source: str, tasks: Tasks) -> Question:
    place = (
        entry.text("cluster"),
        entry.text("variant", default="0"),
        entry.text("language", default="en"),
    )
    return _question(entry, source, tasks, place, ("image", "reference"))


def _question(
    entry: Entry,
    source: str,
    tasks: Tasks,
    place: tuple[str, str, str],
    keys: tuple[str, str],
) -> Question:
    image_key, reference_key = keys
    removed = 0

    def cleaned(text: str) -> str:
        nonlocal removed
        found = clean_text(text)
        removed += found.text != text
        return found.text

    task = tasks.by_name.get(entry.text("task"))
    if task is None:
        unknown = entry.text("task")
        raise entry.wrong(
            f"there is no task {unknown!r:.80}; {suggestion(unknown, tasks.names).rstrip('.')}"
        )
    category = entry.text("category", default=task.category)
    if category != task.category:
        raise entry.wrong(f"{task.name} is of {task.category!r}, not of {category!r:.80}")
    cluster, variant, language = (cleaned(part) for part in place)
    history = tuple(
        Turn(user=cleaned(turn.user), assistant=cleaned(turn.assistant)) for turn in entry.history()
    )
    prompt, reference = cleaned(entry.text("prompt")), cleaned(entry.text(reference_key))
    image_name = cleaned(entry.text(image_key))
    quirks = quirks_of(prompt, reference, history)
    if removed:
        quirks.append(Quirk.CLEANED)
    turns = [(turn.user, turn.assistant) for turn in history]
    facts = question_facts(task.name, language, image_name, turns, prompt, reference)
    return Question(
        question_id=question_id(source, cluster, variant, facts),
        source=source,
        cluster=cluster,
        variant=variant,
        task=task.name,
        category=task.category,
        language=language,
        image_name=image_name,
        image_id=None,
        history=history,
        prompt=prompt,
        reference=reference,
        quirks=tuple(quirk.value for quirk in quirks),
        version=1,
    )


def _check_place_in_set(
    entry: Entry,
    question: Question,
    seen: dict[tuple[str, str], str],
    shared: dict[str, tuple[str, str, str]],
) -> None:
    """Checks that nothing else has the question's name, and that its cluster is one.

    Raises:
        ItemError: It is not so.
    """
    name = (question.cluster, question.variant)
    first = seen.setdefault(name, entry.place)
    if first != entry.place:
        raise entry.wrong(f"variant {'-'.join(name)!r:.80} is at {first} already")
    own = (question.task, question.image_name, question.reference)
    if shared.setdefault(question.cluster, own) != own:
        raise entry.wrong(
            f"cluster {question.cluster!r:.80} has another task, image or reference above; "
            "variants of a question share them"
        )


def read_entries(path: Path) -> Iterator[Entry | ItemFailureAt]:
    """Yields the entries of a file, and a failure for each that cannot be decoded.

    Raises:
        QuestionFileError: The file as a whole cannot be read.
    """
    readers: dict[str, Callable[[Path], Iterator[Entry | ItemFailureAt]]] = {
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".parquet": _parquet,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise QuestionFileError(
            f"{path} is not of a known format.", "Give a .jsonl or .parquet file."
        )
    try:
        yield from reader(path)
    except (OSError, pa.ArrowException) as error:
        raise QuestionFileError(
            f"{path} cannot be read: {error}.", "Check that the file is whole and readable."
        ) from None


def _json_lines(path: Path) -> Iterator[Entry | ItemFailureAt]:
    with path.open("rb") as lines:
        number = 0
        while line := lines.readline(MAX_LINE + 1):
            number += 1
            place = f"{path.name}:{number}"
            if len(line) > MAX_LINE:
                while line and not line.endswith(b"\n"):
                    line = lines.readline(MAX_LINE)
                yield _unreadable(place, f"it is longer than {MAX_LINE:,} bytes")
                continue
            if not line.strip():
                continue
            try:
                value = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except (ValueError, RecursionError) as error:
                yield _unreadable(place, shorten(str(error), 200))
                continue
            if isinstance(value, dict):
                yield Entry(place, value)
            else:
                yield _unreadable(place, "it is JSON, but not an object")


def _parquet(path: Path) -> Iterator[Entry | ItemFailureAt]:
    with pq.ParquetFile(path) as file:
        row = 0
        for batch in file.iter_batches(1024):
            for values in batch.to_pylist():
                yield Entry(f"{path.name}#{row}", values)
                row += 1


def _unreadable(place: str, why: str) -> ItemFailureAt:
    message = clean_text(f"{place} cannot be read: {why}.").text
    return ItemFailureAt(place, ItemCode.ENTRY_UNREADABLE.failure(message))
