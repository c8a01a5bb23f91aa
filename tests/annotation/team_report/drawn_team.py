"""A team of simulated people who have answered sentences about drawn scenes."""

from collections.abc import Iterator
from pathlib import Path

from alignbench.annotation.assigning.asked import Asked, AskedUnits
from alignbench.scenes.annotators import CAREFUL, HASTY, SPAMMER, simulate_answer
from alignbench.scenes.describing import describe
from alignbench.scenes.drawing import png
from alignbench.scenes.oracle import truth_of
from alignbench.scenes.sampling import sample_scenes
from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.ids import sha256_hex
from alignbench.schemas.rows.annotation import Annotation, Assignment, Gold, Round
from alignbench.schemas.rows.generation import Sentence
from alignbench.schemas.tables import ANNOTATIONS, ASSIGNMENTS, GOLD, ROUNDS, SENTENCES
from alignbench.schemas.vocabulary import (
    AnnotationUnit,
    AnswerFlag,
    AssignmentState,
    Purpose,
    RoundForm,
    Verdict,
)
from tests.annotation.answers import Answers
from tests.annotation.workspaces import prepare

CAREFUL_ONE, HASTY_ONE, OTHER_CAREFUL_ONE, GUESSER = (
    f"{name}@example.org" for name in ("ann", "bob", "mei", "sam")
)
PROFILES = {
    CAREFUL_ONE: CAREFUL, HASTY_ONE: HASTY, OTHER_CAREFUL_ONE: CAREFUL, GUESSER: SPAMMER,
}  # fmt: skip
NOTE = "Is the <b>cross</b> a thing?"
_GOLD_EVERY = 3
_OPEN_EVERY = 10
FORM = Round(
    round="1", form=RoundForm.QUEUES, unit=AnnotationUnit.SENTENCE, first=4, most=4, until=None,
    control_share=1.0,
)  # fmt: skip


class DrawnTeam:
    """A workspace in which all have answered everything, but the guesser, who has some left.

    Attributes:
        workspace: The workspace.
        sentences: Its sentences, image by image; every third is gold.
        truths: What is true of each, by its id.
    """

    def __init__(self, root: Path, images: int = 30) -> None:
        self.workspace, self.truths = prepare(root, images=0).workspace, dict[str, SentenceTruth]()
        scenes = {sha256_hex(png(scene)): scene for scene in sample_scenes(images, seed=7)}
        texts = [describe(scene) for scene in scenes.values()]
        for number, scene in enumerate(scenes.values()):
            # The first sentence of another scene is most often wrong of this one.
            told = dict.fromkeys([*texts[number], texts[number - 1][0]])
            prepare(root, images=1, sentences=tuple(told), picture=png(scene))
        rows = self.workspace.table(SENTENCES).rows()
        self.sentences = sorted(rows, key=lambda row: (row.image_id, row.sentence_index))
        for row in self.sentences:
            self.truths[row.sentence_id] = truth_of(scenes[row.image_id], row.text)
        self.workspace.table(ROUNDS).append([FORM], "test")
        self.workspace.table(GOLD).append(list(self._gold()), "test")
        self.workspace.table(ASSIGNMENTS).append(list(self._assignments()), "test")
        self.workspace.table(ANNOTATIONS).append(list(self._answers()), "test")

    @property
    def asked(self) -> AskedUnits:
        return AskedUnits.of(
            Asked(row.sentence_id, row.image_id, _purpose(place))
            for place, row in enumerate(self.sentences)
        )

    def _gold(self) -> Iterator[Gold]:
        for row in self.sentences[::_GOLD_EVERY]:
            truth = self.truths[row.sentence_id]
            yield Gold(
                sentence_id=row.sentence_id, verdict=truth.verdict, spans=truth.spans,
                source="drawn", version=1,
            )  # fmt: skip

    def _assignments(self) -> Iterator[Assignment]:
        for name, place, row in self._questions():
            state = AssignmentState.OPEN if _waits(name, place) else AssignmentState.ANSWERED
            yield Assignment(
                round="1", unit_id=row.sentence_id, annotator=name, unit=AnnotationUnit.SENTENCE,
                purpose=_purpose(place), wave=1, state=state, version=1,
            )  # fmt: skip

    def _answers(self) -> Iterator[Annotation]:
        answers = Answers(self.workspace)
        for name, place, row in self._questions():
            if _waits(name, place):
                continue
            seed = f"{name} {row.sentence_id}"
            said = simulate_answer(self.truths[row.sentence_id], row.text, PROFILES[name], seed)
            guessed = name == GUESSER
            contradicts = guessed and said.verdict is Verdict.CORRECT
            yield answers.row(
                name,
                row.sentence_id,
                said.verdict,
                _purpose(place),
                seconds=1.5 if guessed else 900.0 if place % 40 == 0 else 12.0 + place % 7,
                spans=said.spans,
                day=place // 20,
                flags=(AnswerFlag.SPANS_DROPPED,) if contradicts else (),
                note=NOTE if place == 3 else None,
            )

    def _questions(self) -> Iterator[tuple[str, int, Sentence]]:
        for place, row in enumerate(self.sentences):
            for name in PROFILES:
                yield name, place, row


def _purpose(place: int) -> Purpose:
    return Purpose.LABEL if place % _GOLD_EVERY else Purpose.GOLD


def _waits(name: str, place: int) -> bool:
    return name == GUESSER and place % _OPEN_EVERY == 0
