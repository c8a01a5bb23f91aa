"""How good labels are, and how many votes they cost, where votes are asked for as they are needed.

Sentences that describe drawn scenes, or other scenes than theirs; people who answer as simulated
annotators do, without a server. Of each image's sentences the same people are asked. Beside five
votes on every sentence stands `first = 2, most = 5, until = 0.98` with a control sample that is
asked in full and counted in. Both are labelled by smoothed Dawid-Skene, the stopping rule too.

    python -m benchmarks.adaptive_votes [--sentences 20000] [--seeds 10]
"""

import argparse
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alignbench.release.columns.verdict_counts import VERDICTS
from alignbench.release.labels.smoothed import VoteArrays, smoothed_posteriors
from alignbench.scenes.annotators import (
    CAREFUL,
    HASTY,
    LOOSE,
    SPAMMER,
    AnnotatorProfile,
    simulate_answer,
)
from alignbench.scenes.describing import describe
from alignbench.scenes.oracle import truth_of
from alignbench.scenes.sampling import sample_scenes
from alignbench.scenes.truth import SentenceTruth
from alignbench.schemas.vocabulary import Verdict

FIRST, MOST, UNTIL, CONTROL = 2, 5, 0.98, 0.05
PEOPLE = (CAREFUL, HASTY, LOOSE, CAREFUL, HASTY, LOOSE, CAREFUL, LOOSE)
WRONG, MOODY = 0.2, 0.05
MOODS = ("The picture feels calm.", "It seems to be a quiet afternoon.")

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Corpus(NamedTuple):
    """Sentences of drawn scenes, image by image, with what is true of them."""

    texts: list[str]
    truths: list[SentenceTruth]
    images: list[int]


class Labelled(NamedTuple):
    """What one way of asking came to."""

    accuracy: float
    recall_of_incorrect: float
    votes: float
    confidence_gap: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    print("| people | votes | accuracy, 5 | adaptive | difference (95 %) | recall, 5 | adaptive "
          "| sure too often by |")  # fmt: skip
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, profiles in (("honest", PEOPLE), ("one spammer", (*PEOPLE[:-1], SPAMMER))):
        pairs = [_compared(options.sentences, profiles, seed) for seed in range(options.seeds)]
        whole, adaptive = (np.array(found) for found in zip(*pairs, strict=True))
        difference = 100 * (adaptive[:, 0] - whole[:, 0])
        margin = 1.96 * difference.std(ddof=1) / len(difference) ** 0.5 if len(pairs) > 1 else 0.0
        print(
            f"| {name} | {adaptive[:, 2].mean():.2f} | {whole[:, 0].mean():.4f} "
            f"| {adaptive[:, 0].mean():.4f} "
            f"| {difference.mean():+.2f} ({difference.mean() - margin:+.2f} to "
            f"{difference.mean() + margin:+.2f}) points | {whole[:, 1].mean():.4f} "
            f"| {adaptive[:, 1].mean():.4f} | {adaptive[:, 3].mean():+.4f} |",
            flush=True,
        )


def _compared(
    count: int, profiles: Sequence[AnnotatorProfile], seed: int
) -> tuple[Labelled, Labelled]:
    corpus = _corpus(count, seed)
    answers = _answers(corpus, profiles, seed)
    truth = np.array([VERDICTS.index(truth.verdict) for truth in corpus.truths])
    full = np.full(len(truth), MOST)
    whole = _labelled(answers, full, truth, np.zeros(len(truth), bool))
    draw = random.Random(f"control {seed}")
    images = {image: draw.random() < CONTROL for image in dict.fromkeys(corpus.images)}
    control = np.array([images[image] for image in corpus.images])
    asked = np.where(control, MOST, FIRST)
    while True:
        sure = _posteriors(answers, asked).max(axis=1)
        doubtful = (sure < UNTIL) & (asked < MOST)
        if not doubtful.any():
            return whole, _labelled(answers, asked, truth, control)
        asked = asked + doubtful


def _labelled(answers: "Answers", asked: Ints, truth: Ints, control: Flags) -> Labelled:
    found = _posteriors(answers, asked)
    label = found.argmax(axis=1)
    wrong = truth == VERDICTS.index(Verdict.INCORRECT)
    sure = found.max(axis=1)
    gap = float(sure[control].mean() - (label == truth)[control].mean()) if control.any() else 0.0
    return Labelled(
        float((label == truth).mean()), float((label == truth)[wrong].mean()),
        float(asked.mean()), gap,
    )  # fmt: skip


class Answers(NamedTuple):
    """The first `MOST` answers to each sentence, in the order in which people would be asked."""

    people: Ints
    verdicts: Ints
    count: int


def _posteriors(answers: Answers, asked: Ints) -> npt.NDArray[np.float64]:
    given = np.arange(MOST)[None, :] < asked[:, None]
    sentences = np.nonzero(given)[0]
    votes = VoteArrays(sentences, answers.people[given], answers.verdicts[given])
    return smoothed_posteriors(votes, len(asked), answers.count)


def _answers(corpus: Corpus, profiles: Sequence[AnnotatorProfile], seed: int) -> Answers:
    draw = random.Random(f"people {seed}")
    asked: dict[int, list[int]] = {}
    people = np.zeros((len(corpus.texts), MOST), np.int64)
    verdicts = np.zeros_like(people)
    for number, (text, truth, image) in enumerate(zip(*corpus, strict=True)):
        if image not in asked:
            asked[image] = draw.sample(range(len(profiles)), MOST)
        for place, person in enumerate(asked[image]):
            key = f"{seed} {person} {number}"
            answer = simulate_answer(truth, text, profiles[person], key)
            people[number, place] = person
            verdicts[number, place] = VERDICTS.index(answer.verdict)
    return Answers(people, verdicts, len(profiles))


def _corpus(count: int, seed: int) -> Corpus:
    """Describes scenes: one sentence in five is of another scene, one in twenty says nothing."""
    draw = random.Random(f"corpus {seed}")
    scenes = list(sample_scenes(count // 2 + 2, seed))
    corpus = Corpus([], [], [])
    for number, (scene, other) in enumerate(pairwise(scenes)):
        foreign = describe(other)
        for own in describe(scene):
            chance = draw.random()
            text = own if chance >= WRONG + MOODY else draw.choice(foreign)
            text = draw.choice(MOODS) if chance < MOODY else text
            corpus.texts.append(text)
            corpus.truths.append(truth_of(scene, text))
            corpus.images.append(number)
            if len(corpus.texts) == count:
                return corpus
    return corpus


if __name__ == "__main__":
    main()
