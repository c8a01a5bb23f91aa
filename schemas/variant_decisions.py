"""What people decide of questions in other words: most of them say that it asks something else.

A question that people refuse keeps its row, with the reason in place of what the models said of it;
it is not asked, and what was answered to it is in no figure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.rows.questions import Variant, VariantCheck
from alignbench.schemas.vocabulary import Meaning, VariantStatus


class SaidOfVariant(NamedTuple):
    """How many people say what of a question in other words."""

    same: int
    different: int
    unknown: int

    @property
    def is_refused(self) -> bool:
        """Whether more people say that it asks something else than say anything other; no tie."""
        return self.different > max(self.same, self.unknown)

    @property
    def why_refused(self) -> str:
        """The reason, in words."""
        return f"{self.different} of {sum(self)} people say that it asks something else."


def said_of_variants(
    checks: Iterable[VariantCheck], out: Collection[str]
) -> dict[str, SaidOfVariant]:
    """Returns what people say of each question in other words, by its id.

    A person counts once, by the newest answer, in whichever round it was given. Gold is none.

    Args:
        checks: The answers.
        out: People who do not count: excluded, or withdrawn.
    """
    newest: dict[tuple[str, str], VariantCheck] = {}
    for row in checks:
        key = (row.variant_id, row.annotator)
        if not row.counts or row.annotator in out:
            continue
        if key not in newest or newest[key].updated_at < row.updated_at:
            newest[key] = row
    said: dict[str, list[Meaning | None]] = {}
    for row in newest.values():
        said.setdefault(row.variant_id, []).append(row.meaning)
    return {
        variant_id: SaidOfVariant(*(meanings.count(one) for one in Meaning))
        for variant_id, meanings in said.items()
    }


def as_decided(variants: Iterable[Variant], said: Mapping[str, SaidOfVariant]) -> Iterator[Variant]:
    """Yields questions in other words, those that people refuse as refused.

    What was refused before people saw it stays so, for its own reason.
    """
    for row in variants:
        votes = said.get(row.variant_id)
        if row.status is VariantStatus.ACCEPTED and votes is not None and votes.is_refused:
            code = ItemCode.VARIANT_REFUSED_BY_PEOPLE.value
            yield replace(row, status=VariantStatus.REFUSED, code=code, message=votes.why_refused)
        else:
            yield row
