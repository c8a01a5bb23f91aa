"""A release as a task of inspect_ai, for the models that its users have set up there.

    inspect eval task.py --model openai/gpt-4o -T split=test

where `alignbench export inspect_ai RELEASE --to FOLDER` writes `task.py`. The metric `auroc` is the
unweighted mean over the generating models, as the report's. A sentence whose answer is no score is
left out, and counted by inspect_ai as not scored.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText, GenerateConfig, ModelOutput
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, metric, scorer
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


@scorer(metrics=[auroc()])
def certainty() -> Scorer:
    """How sure a model is that a sentence is right, from 0 to 100."""

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
        value = score_in(state.output.completion, _ending(state.output))
        said, facts = state.output.completion, dict(state.metadata)
        if value is None:
            return Score.unscored(answer=said, metadata=facts)
        return Score(value=value, answer=said, metadata=facts)

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


def _answers(scores: Sequence[SampleScore]) -> Iterator[Answer]:
    for sample in scores:
        facts = sample.score.metadata or {}
        yield Answer(str(facts["model"]), bool(facts["correct"]), sample.score.as_float())


def _ending(output: ModelOutput) -> str | None:
    """Returns why an answer ended, in the words that endpoints use."""
    reason: str | None = output.stop_reason
    return "length" if reason in _CUT_OFF else reason
