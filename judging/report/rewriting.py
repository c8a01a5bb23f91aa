"""The section about questions in other words: what was refused, and what people say of the rest."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from alignbench.judging.report.parts import Part, Row, table_of
from alignbench.schemas.item_codes import ItemCode
from alignbench.schemas.rows.questions import Variant
from alignbench.schemas.variant_decisions import SaidOfVariant
from alignbench.schemas.vocabulary import VariantStatus

_REASONS: Final = {
    "other letters": ItemCode.VARIANT_LANGUAGE,
    "tells the answer": ItemCode.VARIANT_TELLS_ANSWER,
    "near duplicate": ItemCode.VARIANT_NEAR_DUPLICATE,
    "other meaning, model": ItemCode.VARIANT_OTHER_MEANING,
    "other meaning, people": ItemCode.VARIANT_REFUSED_BY_PEOPLE,
}


class Rewritten(NamedTuple):
    """What was made of the questions in other words.

    Attributes:
        variants: All of them, as people decided.
        writers: The names of the models, by their ids.
        said: What people say of each that any was asked about, by its id.
    """

    variants: Sequence[Variant]
    writers: Mapping[str, str]
    said: Mapping[str, SaidOfVariant]


def rewriting_part(rewritten: Rewritten) -> Part:
    """Returns how many questions each model wrote in each style, and what became of them."""
    groups: dict[tuple[str, str], list[Variant]] = {}
    for variant in rewritten.variants:
        key = (rewritten.writers[variant.generator_id], variant.style)
        groups.setdefault(key, []).append(variant)
    rows = [_row(*key, groups[key], rewritten.said) for key in sorted(groups)]
    return Part(
        "rewriting",
        "Questions in other words",
        "What each model wrote in each style, how much of it was accepted, and why the rest was "
        "refused: by rule, by the model that checks it, or by people, of whom more say that it "
        "asks something else than say anything other. Of what people were asked about: `same`, "
        "`different` and `unknown` count their answers. What the models accepted and people call "
        "different tells how far the model that checks can be trusted.",
        table_of(rows),
    )


def _row(
    writer: str, style: str, variants: Sequence[Variant], said: Mapping[str, SaidOfVariant]
) -> Row:
    codes = [variant.code for variant in variants]
    checked = [said[one.variant_id] for one in variants if one.variant_id in said]
    return {
        "rewriter": writer,
        "style": style,
        "written": len(variants),
        "accepted": sum(one.status is VariantStatus.ACCEPTED for one in variants),
        **{reason: codes.count(code.value) for reason, code in _REASONS.items()},
        "checked by people": len(checked),
        "same": sum(one.same for one in checked),
        "different": sum(one.different for one in checked),
        "unknown": sum(one.unknown for one in checked),
    }
