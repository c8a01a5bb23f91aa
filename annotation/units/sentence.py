"""The sentence as a unit: one sentence in large type, and the caption around it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import Doubt, MissingImageError
from alignbench.annotation.label_studio.guidelines import guidelines_html
from alignbench.annotation.label_studio.page import (
    AFTER,
    BEFORE,
    IMAGE,
    PLACE,
    SENTENCE,
    SPANS,
    VERDICT,
    VOTES,
    label_schema_id,
    labelling_config,
)
from alignbench.annotation.label_studio.records import ImportedTask
from alignbench.annotation.label_studio.results import answer_result, span_results
from alignbench.annotation.label_studio.texts import AnnotatorTexts
from alignbench.annotation.units.given import AnswerRow, Doubtful, GivenAnswer
from alignbench.annotation.units.marked_spans import merged_spans, read_span
from alignbench.annotation.units.unit import (
    UNIT_ID,
    ImageAddress,
    ShownAnswers,
    UnitTask,
    image_failure,
    purposes_of,
)
from alignbench.schemas.ids import text_sha256
from alignbench.schemas.rows.annotation import QuarantinedAnnotation
from alignbench.schemas.rows.spans import Span
from alignbench.schemas.tables import SENTENCES
from alignbench.schemas.vocabulary import AnnotationUnit, AnswerFlag, Purpose, Verdict
from alignbench.workspace.workspace import Workspace

_NOTHING = ShownAnswers()


@dataclass(frozen=True, slots=True)
class SentenceContent:
    """A sentence that was sent."""

    sentence_id: str
    text: str

    def shown(self) -> Mapping[str, str]:
        """Returns the fields that the task must still have as they were sent."""
        return {
            "sentence_id": self.sentence_id,
            SENTENCE: self.text,
            "text_sha256": text_sha256(self.text),
        }

    def rows(self, given: GivenAnswer) -> list[AnswerRow | QuarantinedAnnotation]:
        """Reads an answer into the row of its sentence.

        Raises:
            Doubtful: It cannot be believed.
        """
        if given.skipped:
            return [given.about(self.sentence_id, self.text)]
        verdict, spans, flags = self._verdict_and_spans(given)
        return [given.about(self.sentence_id, self.text, verdict=verdict, spans=spans, flags=flags)]

    def _verdict_and_spans(
        self, given: GivenAnswer
    ) -> tuple[Verdict, tuple[Span, ...], tuple[AnswerFlag, ...]]:
        verdict = _verdict(given)
        marks = given.values(SPANS)
        if verdict is not Verdict.INCORRECT:
            return verdict, (), (AnswerFlag.SPANS_DROPPED,) if marks else ()
        if not marks:
            return verdict, (), (AnswerFlag.SPANS_MISSING,)
        proved = [read_span(mark, self.text) for mark in marks]
        given_spans = [span for mark in proved for span in mark.spans]
        spans = merged_spans(given_spans, self.text)
        flags = [AnswerFlag.OFFSETS_REPAIRED] if any(mark.repaired for mark in proved) else []
        flags += [AnswerFlag.SPANS_MERGED] if len(spans) < len(given_spans) else []
        return verdict, spans, tuple(flags)


class SentenceUnit:
    """One sentence at a time: the default, and what the paper did."""

    def __init__(self, *, with_votes: bool = False) -> None:
        """Makes the unit.

        Args:
            with_votes: Show how others answered, to somebody who decides.
        """
        self._with_votes = with_votes

    @property
    def kind(self) -> AnnotationUnit:
        """What it is called in tables and configuration."""
        return AnnotationUnit.SENTENCE

    def page(self, texts: AnnotatorTexts) -> str:
        """Returns the page that it is answered on."""
        return labelling_config(texts, with_votes=self._with_votes)

    def label_schema_id(self) -> str:
        """Names what can be answered."""
        return label_schema_id()

    def guidelines(self, texts: AnnotatorTexts) -> str:
        """Returns what annotators are told before the first one."""
        return guidelines_html(texts)

    def guideline_id(self, texts: AnnotatorTexts) -> str:
        """Names what annotators are told."""
        return texts.guideline_id

    def gathered(self, sentences: pa.Table) -> pa.Table:
        """Returns the sentences, each a unit."""
        return sentences.append_column(UNIT_ID, sentences["sentence_id"])

    def generators(self, workspace: Workspace) -> pa.Table:
        """Returns the generator of every sentence."""
        sentences = workspace.table(SENTENCES).read(["sentence_id", "generator_id"])
        return sentences.rename_columns([UNIT_ID, "generator_id"])

    def sentences(self, units: pa.Table) -> pa.Table:
        """Returns `sentence_id` and `text` of these sentences."""
        return units.select(["sentence_id", "text"])

    def tasks(
        self,
        units: pa.Table,
        address: ImageAddress,
        purpose: Purpose,
        shown: Mapping[str, ShownAnswers],
    ) -> Iterator[UnitTask]:
        """Yields the tasks of sentences that `ordered_sentences` gave.

        Raises:
            MissingImageError: One of them has no image.
        """
        names = ["sentence_id", "image_id", "text", "before", "after", "sentence_index"]
        columns = [units[name].to_pylist() for name in [*names, "sentence_count", "blob"]]
        columns.append(purposes_of(units, purpose))
        for sentence_id, image_id, text, before, after, index, count, blob, why in zip(
            *columns, strict=True
        ):
            if blob is None:
                failure = image_failure(image_id)
                needed = f"It is needed for sentence {sentence_id}."
                raise MissingImageError(failure.message, needed)
            data = {
                IMAGE: address(blob),
                BEFORE: before,
                AFTER: after,
                PLACE: f"{index + 1} / {count}",
                **SentenceContent(sentence_id, text).shown(),
            }
            own = shown.get(sentence_id, _NOTHING)
            if own.votes is not None:
                data[VOTES] = own.votes
            predictions = (
                (span_results(own.marks),)
                if own.marks
                else tuple(answer_result(one.verdict, one.spans) for one in own.answers)
            )
            yield UnitTask(sentence_id, ImportedTask(data, predictions), Purpose(why))

    def contents(
        self,
        workspace: Workspace,
        round_name: str,  # noqa: ARG002 - a sentence is the same in every round
        unit_ids: pa.Array | pa.ChunkedArray,
    ) -> Mapping[str, SentenceContent]:
        """Returns what the tasks of these sentences were sent with, by sentence."""
        wanted = pc.field("sentence_id").isin(pc.unique(unit_ids))
        texts = workspace.table(SENTENCES).read(["sentence_id", "text"], wanted)
        columns = (texts[name].to_pylist() for name in ("sentence_id", "text"))
        return {key: SentenceContent(key, text) for key, text in zip(*columns, strict=True)}


def _verdict(given: GivenAnswer) -> Verdict:
    chosen: list[object] = []
    for value in given.values(VERDICT):
        choices = value.get("choices")
        chosen += choices if isinstance(choices, list) else [choices]
    words = {choice if isinstance(choice, str) else repr(choice) for choice in chosen}
    if len(words) != 1:
        verdicts = f"{len(words)} verdicts" if words else "no verdict"
        raise Doubtful(Doubt.UNKNOWN_VERDICT, f"It has {verdicts}.")
    word = words.pop()
    if word not in list(Verdict):
        raise Doubtful(Doubt.UNKNOWN_VERDICT, f"{word[:40]!r} is not a verdict.")
    return Verdict(word)
