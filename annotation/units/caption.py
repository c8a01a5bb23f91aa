"""The caption as a unit: the image, and all sentences of its caption on one page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from alignbench.annotation.errors import MissingImageError
from alignbench.annotation.label_studio.caption_page import (
    caption_config,
    caption_guidelines,
    caption_schema_id,
)
from alignbench.annotation.label_studio.page import IMAGE
from alignbench.annotation.label_studio.records import ImportedTask, JsonObject
from alignbench.annotation.label_studio.texts import AnnotatorTexts
from alignbench.annotation.units.caption_answers import CaptionContent, CaptionSentence
from alignbench.annotation.units.caption_results import caption_result
from alignbench.annotation.units.unit import (
    PURPOSE,
    UNIT_ID,
    ImageAddress,
    PossibleAnswer,
    ShownAnswers,
    UnitTask,
    image_failure,
    purposes_of,
)
from alignbench.schemas.ids import caption_id
from alignbench.schemas.tables import ROUND_SENTENCES, SENTENCES
from alignbench.schemas.vocabulary import AnnotationUnit, Purpose, Verdict
from alignbench.workspace.workspace import Workspace

_CUT = ("pair_id", "splitter_id")
_COMMON = ("image_id", "generator_id", "pair_id", "splitter_id")
_NO_ANSWER = PossibleAnswer(Verdict.CORRECT)


@dataclass
class _Caption:
    """The rows of one caption's sentences, and why it is asked about."""

    rows: list[int] = field(default_factory=list)
    purpose: str = Purpose.LABEL.value


class CaptionUnit:
    """All sentences of a caption at once."""

    @property
    def kind(self) -> AnnotationUnit:
        """What it is called in tables and configuration."""
        return AnnotationUnit.CAPTION

    def page(self, texts: AnnotatorTexts) -> str:
        """Returns the page that it is answered on."""
        return caption_config(texts)

    def label_schema_id(self) -> str:
        """Names what can be answered."""
        return caption_schema_id()

    def guidelines(self, texts: AnnotatorTexts) -> str:
        """Returns what annotators are told before the first one."""
        return caption_guidelines(texts)

    def guideline_id(self, texts: AnnotatorTexts) -> str:
        """Names what annotators are told."""
        return texts.guideline_id

    def gathered(self, sentences: pa.Table) -> pa.Table:
        """Returns the captions of these sentences.

        `sentence_ids` and, if there are texts, `texts` have their sentences in order. A caption
        with a gold sentence is gold.
        """
        captions = _captions(sentences)
        firsts = pa.array([caption.rows[0] for caption in captions.values()], pa.int64())
        columns = [*_COMMON, *(name for name in ("blob",) if name in sentences.column_names)]
        units = sentences.select(columns).take(firsts)
        units = units.append_column(UNIT_ID, pa.array(list(captions), pa.string()))
        listed = {"sentence_ids": "sentence_id", "texts": "text"}
        for name, of_sentence in listed.items():
            if of_sentence in sentences.column_names:
                values = sentences[of_sentence].to_pylist()
                lists = [[values[row] for row in one.rows] for one in captions.values()]
                units = units.append_column(name, pa.array(lists, pa.list_(pa.string())))
        if PURPOSE in sentences.column_names:
            why = [caption.purpose for caption in captions.values()]
            units = units.append_column(PURPOSE, pa.array(why, pa.string()))
        return units

    def generators(self, workspace: Workspace) -> pa.Table:
        """Returns the generator of every caption."""
        generator_of: dict[str, str] = {}
        for batch in workspace.table(SENTENCES).scan([*_CUT, "generator_id"]):
            ids = _caption_ids(batch)
            generator_of.update(zip(ids, batch["generator_id"].to_pylist(), strict=True))
        columns = [
            pa.array(list(generator_of), pa.string()),
            pa.array(list(generator_of.values()), pa.string()),
        ]
        return pa.table(columns, [UNIT_ID, "generator_id"])

    def sentences(self, units: pa.Table) -> pa.Table:
        """Returns `sentence_id` and `text` of the sentences of these captions."""
        names = {"sentence_id": "sentence_ids", "text": "texts"}
        return pa.table({name: pc.list_flatten(units[column]) for name, column in names.items()})

    def tasks(
        self,
        units: pa.Table,
        address: ImageAddress,
        purpose: Purpose,
        shown: Mapping[str, ShownAnswers],
    ) -> Iterator[UnitTask]:
        """Yields the tasks of captions.

        Raises:
            MissingImageError: One of them has no image.
        """
        names = (UNIT_ID, "image_id", "blob", "sentence_ids", "texts")
        columns = [units[name].to_pylist() for name in names]
        columns.append(purposes_of(units, purpose))
        for unit_id, image_id, blob, sentence_ids, texts, why in zip(*columns, strict=True):
            if blob is None:
                failure = image_failure(image_id)
                raise MissingImageError(failure.message, f"It is needed for caption {unit_id}.")
            sentences = [
                CaptionSentence(key, text, Purpose(why))
                for key, text in zip(sentence_ids, texts, strict=True)
            ]
            data = {IMAGE: address(blob), **CaptionContent(unit_id, sentences).shown()}
            task = ImportedTask(data, tuple(_predictions(sentence_ids, texts, shown)))
            yield UnitTask(unit_id, task, Purpose(why))

    def contents(
        self, workspace: Workspace, round_name: str, unit_ids: pa.Array | pa.ChunkedArray
    ) -> Mapping[str, CaptionContent]:
        """Returns what the tasks of these captions were sent with, by caption."""
        wanted = set(unit_ids.to_pylist())
        gold = _gold(workspace, round_name)
        found: dict[str, list[tuple[int, CaptionSentence]]] = {}
        columns = ["sentence_id", "text", "sentence_index", *_CUT]
        for batch in workspace.table(SENTENCES).scan(columns):
            ids = _caption_ids(batch)
            rows = zip(ids, *(batch[name].to_pylist() for name in columns[:3]), strict=True)
            for unit_id, sentence_id, text, index in rows:
                if unit_id in wanted:
                    why = Purpose.GOLD if sentence_id in gold else Purpose.LABEL
                    sentence = CaptionSentence(sentence_id, text, why)
                    found.setdefault(unit_id, []).append((index, sentence))
        return {
            unit_id: CaptionContent(unit_id, [one for _, one in sorted(rows, key=lambda r: r[0])])
            for unit_id, rows in found.items()
        }


def _captions(sentences: pa.Table) -> dict[str, _Caption]:
    says_why = PURPOSE in sentences.column_names
    purposes = sentences[PURPOSE].to_pylist() if says_why else [None] * len(sentences)
    captions: dict[str, _Caption] = {}
    for row, (unit_id, why) in enumerate(zip(_caption_ids(sentences), purposes, strict=True)):
        caption = captions.setdefault(unit_id, _Caption())
        caption.rows.append(row)
        if why == Purpose.GOLD:
            caption.purpose = Purpose.GOLD.value
    return captions


def _caption_ids(sentences: pa.Table) -> list[str]:
    cuts = list(zip(*(sentences[name].to_pylist() for name in _CUT), strict=True))
    ids = {cut: caption_id(*cut) for cut in set(cuts)}
    return [ids[cut] for cut in cuts]


def _gold(workspace: Workspace, round_name: str) -> set[str]:
    of_round = pc.field("round") == round_name
    of_round &= pc.field("purpose") == Purpose.GOLD.value
    columns = ["sentence_id", "round", "purpose"]
    gold = workspace.table(ROUND_SENTENCES).read(columns, of_round)
    return set(gold["sentence_id"].to_pylist())


def _predictions(
    sentence_ids: Sequence[str], texts: Sequence[str], shown: Mapping[str, ShownAnswers]
) -> Iterator[list[JsonObject]]:
    """Yields what the page begins with: the first answer that each sentence may have."""
    first = [
        next(iter(shown[key].answers), _NO_ANSWER) if key in shown else _NO_ANSWER
        for key in sentence_ids
    ]
    result = caption_result(texts, first, judged=False)
    if result:
        yield result
