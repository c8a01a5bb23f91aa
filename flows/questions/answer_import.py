"""questions answers: what a model answered elsewhere comes in from a file, to be judged here.

What comes in: a file of answers to imported questions. What is done: each is read as a model's raw
answer is, its thoughts left out. What goes out: a row in `responses` for each, under a row of
`generators` that knows the model by its name alone. The same file again changes nothing, and an
answer that is here is never replaced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.selected.answerers import IMPORTED
from alignbench.judging.questions.answers import AnswerInFile, read_answers
from alignbench.judging.questions.entries import Kind
from alignbench.models.answers.reading import read_answer
from alignbench.schemas import ids
from alignbench.schemas.chat import RawAnswer
from alignbench.schemas.errors import UsageError
from alignbench.schemas.ids import JsonValue
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.protocols import ItemFailure, ItemFailureAt
from alignbench.schemas.registry import suggestion
from alignbench.schemas.rows.generation import Generator
from alignbench.schemas.rows.questions import Response
from alignbench.schemas.tables import GENERATORS, QUESTIONS, RESPONSES
from alignbench.schemas.text import clean_text
from alignbench.schemas.vocabulary import Direction, FailureKind, StageName

_COMMIT_ROWS: Final = 2_048


@dataclass(frozen=True)
class AnswerImport:
    """What came of an import.

    Attributes:
        added: Answers that are new.
        unchanged: Answers that were there already.
        unanswered: Questions of the set that have no answer of the model, now or before.
        failures: Entries that are no answers to a question of the set.
    """

    added: int
    unchanged: int
    unanswered: int
    failures: tuple[ItemFailureAt, ...]

    def document(self) -> dict[str, JsonValue]:
        """Returns it as a JSON document."""
        return {
            "added": self.added,
            "unchanged": self.unchanged,
            "unanswered": self.unanswered,
            "failures": [
                {"place": at.locator, "code": at.failure.code, "message": at.failure.message}
                for at in self.failures
            ],
        }


def import_answers(
    address: str, kind: Kind, path: Path, model: str, source: str | None = None, *, blind: bool
) -> AnswerImport:
    """Reads a file of one model's answers into the workspace.

    Args:
        address: The workspace.
        kind: How the file is laid out.
        path: The file.
        model: The model's name, in every figure.
        source: The set of questions that they are answers to; it may be left out if there is one.
        blind: Whether the model did not see the images.

    Raises:
        UsageError: There is no such set, or a captioner has the model's name.
        QuestionFileError: The file as a whole cannot be read.
    """
    run = open_run(address)
    if model in {config.name for config in run.config.captioners}:
        raise UsageError(
            f"{model!r} is a captioner of alignbench.toml, which answers by itself.",
            "Give the answers of the file another name with --model.",
        )
    questions = _questions(run, source)
    found = list(read_answers(path, kind))
    generator = _generator(model)
    of_model = pc.field("generator_id") == generator.generator_id
    with run.workspace.store.lock(StageName.RESPOND):
        before = {row.response_id: row for row in run.workspace.table(RESPONSES).rows(of_model)}
        read = _Reading(questions, generator, before, blind)
        for one in found:
            read.take(one)
        run.workspace.table(GENERATORS).append([generator], run.run_id)
        added = list(read.added.values())
        for start in range(0, len(added), _COMMIT_ROWS):
            run.workspace.table(RESPONSES).append(added[start:][:_COMMIT_ROWS], run.run_id)
    answered = {row.asked_id for row in [*before.values(), *added] if row.blind is blind}
    unanswered = len(set(questions.values()) - answered)
    return AnswerImport(len(added), read.unchanged, unanswered, tuple(read.failures))


class _Reading:
    """What is found in a file, entry by entry, beside what is here already."""

    def __init__(
        self,
        questions: Mapping[tuple[str, str], str],
        generator: Generator,
        before: Mapping[str, Response],
        blind: bool,
    ) -> None:
        self.added: dict[str, Response] = {}
        self.unchanged = 0
        self.failures: list[ItemFailureAt] = []
        self._questions = questions
        self._generator = generator
        self._before = before
        self._blind = blind

    def take(self, one: AnswerInFile | ItemFailureAt) -> None:
        """Takes an entry in, or notes why it is none."""
        if isinstance(one, ItemFailureAt):
            self.failures.append(one)
            return
        row = self._row(one)
        known = None if isinstance(row, ItemFailureAt) else self._before.get(row.response_id)
        if isinstance(row, ItemFailureAt):
            self.failures.append(row)
        elif row.response_id in self.added:
            self.failures.append(_failed(one, f"question {one.name} is answered above already"))
        elif known is None:
            self.added[row.response_id] = row
        elif known.text == row.text:
            self.unchanged += 1
        else:
            what = f"question {one.name} has another answer of this model here, which stays"
            self.failures.append(_failed(one, what))

    def _row(self, one: AnswerInFile) -> Response | ItemFailureAt:
        asked_id = self._questions.get((clean_text(one.cluster).text, clean_text(one.variant).text))
        if asked_id is None:
            return _failed(one, f"there is no question {one.name} in the set")
        said = read_answer(RawAnswer(one.text))
        if isinstance(said, ItemFailure):
            at = ItemFailure(said.code, f"{one.place}: {said.message}", said.kind)
            return ItemFailureAt(one.place, at)
        cleaned = clean_text(said.text)
        if not cleaned.text.strip():
            empty = ItemCode.ANSWER_EMPTY.failure(f"{one.place}: no text.", FailureKind.EMPTY)
            return ItemFailureAt(one.place, empty)
        removed = {"removed_characters": cleaned.removed} if cleaned.removed else {}
        generator_id = self._generator.generator_id
        return Response(
            response_id=ids.response_id(generator_id, asked_id, blind=self._blind, sample_index=0),
            asked_id=asked_id,
            generator_id=generator_id,
            model=self._generator.model,
            blind=self._blind,
            sample_index=0,
            text=cleaned.text,
            text_sha256=ids.text_sha256(cleaned.text),
            seed=None,
            finish_reason=None,
            engine=ids.canonical_json({"imported_from": one.place, **said.left_out, **removed}),
            prompt_tokens=None,
            completion_tokens=None,
            seconds=None,
        )


def _questions(run: Run, source: str | None) -> dict[tuple[str, str], str]:
    """Returns the questions of a set by cluster and variant."""
    columns = ["source", "cluster", "variant", "question_id"]
    table = run.workspace.table(QUESTIONS).read(columns)
    rows = list(zip(*(table[name].to_pylist() for name in columns), strict=True))
    sets = sorted({row[0] for row in rows})
    if source is None and len(sets) != 1:
        there = f"There are several sets of questions: {', '.join(sets)}." if sets else None
        raise UsageError(
            there or "There is no question yet that a file could answer.",
            "Name the set with --set." if sets else "Run 'alignbench questions import' first.",
        )
    if source is not None and source not in sets:
        raise UsageError(f"There is no set of questions {source!r}.", suggestion(source, sets))
    return {
        (cluster, variant): question_id
        for of_set, cluster, variant, question_id in rows
        if of_set == (source or sets[0])
    }


def _generator(model: str) -> Generator:
    direction = Direction.I2T
    return Generator(
        generator_id=ids.generator_id(direction, IMPORTED, model, None, None, {}),
        direction=direction,
        model=model,
        family=model,
        backend=IMPORTED,
        repo=model,
        revision=None,
        requested_revision=None,
        instruction=None,
        params=ids.canonical_json({}),
    )


def _failed(one: AnswerInFile, what: str) -> ItemFailureAt:
    message = clean_text(f"{one.place}: {what}.").text
    return ItemFailureAt(one.place, ItemCode.ENTRY_INVALID.failure(message))
