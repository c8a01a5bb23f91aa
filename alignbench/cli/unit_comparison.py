"""`annotators compare-units`: whether captions may be asked about as a whole."""

import math
from typing import TYPE_CHECKING, Annotated

import typer

from alignbench.terminal.output import print_json, print_table, say

if TYPE_CHECKING:
    from alignbench.annotation.unit_comparison.comparison import ComparedFigure, Comparison
    from alignbench.annotation.unit_comparison.sentence_figures import Pair
    from alignbench.schemas.ids import JsonValue


def register(people: typer.Typer) -> None:
    """Adds the verb."""
    people.command("compare-units")(compare_units)


def compare_units(
    context: typer.Context,
    margin: Annotated[
        float,
        typer.Option("--margin", min=0.001, max=0.5, help="By how much captions may be worse."),
    ] = 0.03,
    cap: Annotated[
        float, typer.Option("--cap", min=1, help="Seconds that one answer counts as at most.")
    ] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare answers to the same sentences, asked alone and in their captions."""
    from alignbench.flows.team.unit_comparison import compare_units as compare

    found = compare(context.obj.address, margin, cap)
    if as_json:
        print_json(_json(found))
        return
    print_table(
        ["share or amount", "sentence", "caption", "difference", "95 %", "caption is"],
        [_row(one) for one in found.figures],
        fold=False,
    )
    print_table(
        ["position", "sentences", "incorrect: sentence", "caption", "missed: sentence", "caption"],
        [
            (
                at.position,
                at.sentences,
                *(f"{share:.1%}" for share in at.incorrect),
                *(("-", "-") if at.missed is None else (f"{share:.1%}" for share in at.missed)),
            )
            for at in found.positions
        ],
        fold=False,
    )
    say("\n".join(_told(found)))


def _told(found: "Comparison") -> list[str]:
    from alignbench.annotation.unit_comparison.comparison import Outcome

    lines = [
        f"{found.sentences:,} sentences of {found.images:,} images, with {found.votes_alone:,} "
        f"votes on the sentence page and {found.votes_in_caption:,} on the caption page; "
        f"{found.known:,} of them with a known answer."
    ]
    match found.outcome:
        case Outcome.NOT_WORSE:
            lines.append(f"Captions are not worse, by a margin of {found.margin:.1%}.")
        case Outcome.WORSE:
            lines.append(f"Captions are worse by more than {found.margin:.1%}: ask by sentence.")
        case Outcome.UNDECIDED:
            needed = found.images_needed
            more = (
                ""
                if needed is None
                else f" If the pages do not differ, about {needed:,} images would show it."
            )
            lines.append(
                f"Whether captions are worse by {found.margin:.1%} is undecided: ask by sentence."
                + more
            )
    if not found.known:
        lines.append("No answer is known, so misses are not measured: give gold.")
    return lines


def _row(one: "ComparedFigure") -> tuple[str, ...]:
    low, high, why_null = one.figure.interval
    shown = "{:.1%}" if one.is_share else "{:.2f}"
    signed = "{:+.1%}" if one.is_share else "{:+.2f}"
    bounds = (
        why_null or "-"
        if low is None or high is None
        else f"{signed.format(low)} to {signed.format(high)}"
    )
    return (
        one.name,
        *(shown.format(value) for value in (one.figure.alone, one.figure.in_caption)),
        signed.format(one.figure.difference),
        bounds,
        "-" if one.outcome is None else str(one.outcome),
    )


def _json(found: "Comparison") -> "JsonValue":
    return {
        "outcome": str(found.outcome),
        "margin": found.margin,
        "sentences": found.sentences,
        "images": found.images,
        "votes": {"sentence": found.votes_alone, "caption": found.votes_in_caption},
        "known": found.known,
        "images_needed": found.images_needed,
        "figures": [
            {
                "name": one.name,
                "sentences": one.figure.sentences,
                "images": one.figure.images,
                "sentence": _number(one.figure.alone),
                "caption": _number(one.figure.in_caption),
                "difference": _number(one.figure.difference),
                "low": one.figure.interval.low,
                "high": one.figure.interval.high,
                "why_null": one.figure.interval.why_null,
                "outcome": None if one.outcome is None else str(one.outcome),
            }
            for one in found.figures
        ],
        "positions": [
            {
                "position": at.position,
                "sentences": at.sentences,
                "incorrect": _pair(at.incorrect),
                "known_incorrect": at.known_incorrect,
                "missed": None if at.missed is None else _pair(at.missed),
            }
            for at in found.positions
        ],
    }


def _pair(pair: "Pair") -> "JsonValue":
    return {"sentence": pair.alone, "caption": pair.in_caption}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
