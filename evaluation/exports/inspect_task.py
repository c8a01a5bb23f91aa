"""A release as a task of inspect_ai, for the models that its users have set up there.

    inspect eval task.py --model openai/gpt-4o -T split=test

where `task.py` is what `alignbench export inspect_ai RELEASE --to FOLDER` writes. The metrics are
`auroc` (the unweighted mean over the generating models, as the report's) and `scored` (the share of
sentences whose answer is a score).
"""

from collections.abc import Sequence
from typing import Final

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import (
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
    ModelOutput,
)
from inspect_ai.scorer import (
    NOANSWER,
    Metric,
    SampleScore,
    Score,
    Scorer,
    Target,
    metric,
    scorer,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from alignbench.evaluation.exports.questions import (
    Answer,
    Question,
    may_be_asked_again,
    mean_auroc,
    questions,
    score_in,
)
from alignbench.evaluation.prompts import ask_again
from alignbench.models.endpoint.pictures import prepared_picture, small_picture
from alignbench.schemas.vocabulary import Verdict

_MAX_SIDE: Final = 1536
"""Most pixels of an image's longer side, as `vlm_endpoint` sends it."""
_CUT_OFF: Final = ("max_tokens", "model_length")
"""How inspect_ai calls what endpoints call `length`."""


def release_task(release: str, split: str | None = None, name: str = "alignbench") -> Task:
    """Returns the task that asks a model about every sentence of a release.

    Args:
        release: Its folder, or its `s3://bucket/prefix`.
        split: Only this split; all if None.
        name: Of the dataset, in logs.

    Raises:
        NotAReleaseError: There is no release at that address.
    """
    return Task(
        dataset=MemoryDataset([_sample(q) for q in questions(release, split)], name=name),
        solver=asking(),
        scorer=certainty(),
        config=GenerateConfig(temperature=0.0),
    )


@solver
def asking() -> Solver:
    """Asks, and once more where the answer is no number from 0 to 100."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state = await generate(state)
        if may_be_asked_again(state.output.completion, _ending(state.output)):
            state.messages.append(ChatMessageUser(content=ask_again()))
            state = await generate(state)
        return state

    return solve


@metric
def auroc() -> Metric:
    """AUROC for each generating model, and their unweighted mean."""

    def compute(scores: list[SampleScore]) -> float:
        found = mean_auroc(_answers(scores))
        return float("nan") if found is None else found

    return compute


@metric
def scored() -> Metric:
    """The share of sentences whose answer is a score."""

    def compute(scores: list[SampleScore]) -> float:
        there = sum(answer.score is not None for answer in _answers(scores))
        return there / len(scores) if scores else 0.0

    return compute


@scorer(metrics=[auroc(), scored()])
def certainty() -> Scorer:
    """How sure a model is that a sentence is right, from 0 to 100."""

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
        value = score_in(state.output.completion, _ending(state.output))
        return Score(
            value=NOANSWER if value is None else value,
            answer=state.output.completion,
            metadata=dict(state.metadata),
        )

    return score


def _sample(question: Question) -> Sample:
    picture = small_picture(question.image, _MAX_SIDE) or prepared_picture(
        question.image, _MAX_SIDE
    )
    verdict = Verdict.CORRECT if question.correct else Verdict.INCORRECT
    return Sample(
        id=question.sentence_id,
        input=[
            ChatMessageUser(
                content=[ContentImage(image=picture.url), ContentText(text=question.text)]
            )
        ],
        target=verdict.value,
        metadata={"model": question.model, "correct": question.correct},
    )


def _answers(scores: Sequence[SampleScore]) -> list[Answer]:
    found = []
    for sample in scores:
        of = sample.score.metadata or {}
        value = sample.score.value
        number = float(value) if isinstance(value, int | float) else None
        found.append(Answer(str(of["model"]), bool(of["correct"]), number))
    return found


def _ending(output: ModelOutput) -> str | None:
    """Returns why an answer ended, in the words that endpoints use."""
    reason: str | None = output.stop_reason
    return "length" if reason in _CUT_OFF else reason
