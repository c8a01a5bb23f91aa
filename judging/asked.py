"""What models are asked: imported questions, and accepted ones that a model put in other words."""

from collections.abc import Iterable
from typing import NamedTuple

from alignbench.schemas.chat import ChatRole, ChatTurn
from alignbench.schemas.rows.questions import Question, Variant
from alignbench.schemas.vocabulary import VariantStatus


class Asked(NamedTuple):
    """A question as models are asked it.

    Attributes:
        asked_id: The question's id, or the variant's.
        prompt: What is asked, behind the earlier turns.
        question: The question that was imported; a variant shares all but its words.
    """

    asked_id: str
    prompt: str
    question: Question

    @property
    def cluster(self) -> tuple[str, str]:
        """The cluster, which is one of its source."""
        return self.question.source, self.question.cluster

    @property
    def turns(self) -> tuple[ChatTurn, ...]:
        """The conversation, up to what is asked."""
        earlier = (
            turn
            for one in self.question.history
            for turn in (
                ChatTurn(ChatRole.USER, one.user),
                ChatTurn(ChatRole.ASSISTANT, one.assistant),
            )
        )
        return (*earlier, ChatTurn(ChatRole.USER, self.prompt))


def asked_questions(
    questions: Iterable[Question], variants: Iterable[Variant] = ()
) -> dict[str, Asked]:
    """Returns all that is asked, by its id: questions first, in their order.

    Args:
        questions: Those that were imported.
        variants: Those that a model wrote; refused ones are not asked.
    """
    asked = {row.question_id: Asked(row.question_id, row.prompt, row) for row in questions}
    for variant in variants:
        seed = asked.get(variant.question_id)
        if seed is not None and variant.status is VariantStatus.ACCEPTED:
            asked[variant.variant_id] = Asked(variant.variant_id, variant.prompt, seed.question)
    return asked


def seeds_of(asked: Iterable[Asked]) -> dict[str, Asked]:
    """Returns the imported question of each cluster whose variant comes first, by its id."""
    first: dict[tuple[str, str], Asked] = {}
    for one in asked:
        if one.asked_id != one.question.question_id:
            continue
        before = first.get(one.cluster)
        if before is None or one.question.variant < before.question.variant:
            first[one.cluster] = one
    return {one.asked_id: one for one in first.values()}
