"""What is odd about an entry. Nothing of it is changed; it is counted, so that nothing goes unsaid.

Models and judges are given the text as it stands: a benchmark whose text was tidied is another
benchmark.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from alignbench.schemas.rows.questions import Question, Turn


class Quirk(StrEnum):
    """What is odd about an entry."""

    REFERENCE_BACKSLASH_N = "reference with a literal backslash-n"
    PROMPT_OUTER_SPACE = "prompt with outer white space"
    ANSWER_LEADING_SPACE = "earlier answer that begins with a space"
    ASTRAL_CHARACTER = "character outside the basic multilingual plane"
    BRACE = "brace in prompt or reference"
    CLEANED = "characters that no table can hold, taken out"


def quirks_of(prompt: str, reference: str, history: Iterable[Turn]) -> list[Quirk]:
    """Returns what is odd about an entry."""
    turns = list(history)
    text = prompt + reference + "".join(turn.user + turn.assistant for turn in turns)
    checks = {
        Quirk.REFERENCE_BACKSLASH_N: "\\n" in reference,
        Quirk.PROMPT_OUTER_SPACE: prompt != prompt.strip(),
        Quirk.ANSWER_LEADING_SPACE: any(turn.assistant[:1].isspace() for turn in turns),
        Quirk.ASTRAL_CHARACTER: any(ord(character) > 0xFFFF for character in text),
        Quirk.BRACE: any(brace in prompt + reference for brace in "{}"),
    }
    return [quirk for quirk, holds in checks.items() if holds]


@dataclass(frozen=True)
class Census:
    """How many questions there are, and what is odd about how many of them.

    Attributes:
        questions: All.
        clusters: How many clusters.
        images: How many different images.
        comparable_clusters: Clusters with two variants or more: those of the alignment score.
        cluster_sizes: How many clusters have so many variants, by size.
        shared_images: Images that several clusters ask about.
        repeated_prompts: Clusters that ask the same in the same words twice.
        turns: Earlier turns in all histories.
        turns_with_leading_space: Those of them whose answer begins with white space.
        longest_reference: Its code points.
        quirks: How many questions have each quirk.
    """

    questions: int
    clusters: int
    images: int
    comparable_clusters: int
    cluster_sizes: Mapping[int, int]
    shared_images: int
    repeated_prompts: int
    turns: int
    turns_with_leading_space: int
    longest_reference: int
    quirks: Mapping[str, int]


def census(questions: Iterable[Question]) -> Census:
    """Returns how many questions there are, and what is odd about them."""
    prompts: defaultdict[str, list[str]] = defaultdict(list)
    clusters_of_image: defaultdict[str, set[str]] = defaultdict(set)
    quirks: Counter[str] = Counter()
    turns = leading = longest = count = 0
    for question in questions:
        count += 1
        prompts[question.cluster].append(question.prompt)
        clusters_of_image[question.image_id or question.image_name].add(question.cluster)
        quirks.update(question.quirks)
        turns += len(question.history)
        leading += sum(turn.assistant[:1].isspace() for turn in question.history)
        longest = max(longest, len(question.reference))
    sizes = Counter(len(asked) for asked in prompts.values())
    return Census(
        questions=count,
        clusters=len(prompts),
        images=len(clusters_of_image),
        comparable_clusters=sum(number for size, number in sizes.items() if size > 1),
        cluster_sizes=dict(sorted(sizes.items())),
        shared_images=sum(len(clusters) > 1 for clusters in clusters_of_image.values()),
        repeated_prompts=sum(len(set(asked)) < len(asked) for asked in prompts.values()),
        turns=turns,
        turns_with_leading_space=leading,
        longest_reference=longest,
        quirks={quirk.value: quirks[quirk.value] for quirk in Quirk},
    )
