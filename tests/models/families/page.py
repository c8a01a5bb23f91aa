"""The tables of docs/models.md that say which families work, written by a run of all of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from tests.models.families.dual_encoders import DUAL_ENCODERS
from tests.models.families.family import Ability, Family
from tests.models.families.pipelines import PIPELINES
from tests.models.families.vision_language.table import FAMILIES

PAGE: Final = Path(__file__).parents[3] / "docs" / "models.md"
BEGIN: Final = "<!-- Written by `make test-models`; edit the tables in tests/models/families. -->\n"
END: Final = "<!-- End of what `make test-models` wrote. -->\n"
SCORES, DRAWS = "scores", "draws"
"""What a dual encoder, and a pipeline, are used for."""


def every_use() -> set[tuple[str, str]]:
    """Returns what a run of all families shows: each family, and each thing it is used for."""
    chats = {(family.name, ability.value) for family in FAMILIES for ability in Ability}
    encoders = {(family.name, SCORES) for family in DUAL_ENCODERS}
    return chats | encoders | {(kind.name, DRAWS) for kind in PIPELINES}


def names_on_page() -> list[str]:
    """Returns the families that the page lists, in order."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    rows = [line for line in rest.partition(END)[0].splitlines() if line.startswith("| `")]
    return [row.split("`")[1] for row in rows]


def names_in_tables() -> list[str]:
    """Returns the families that are tried, in the page's order."""
    return [row.name for rows in (FAMILIES, DUAL_ENCODERS, PIPELINES) for row in rows]


def page_with_tables() -> str:
    """Returns the page with tables of what a whole run has just shown."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{_tables()}\n{END}{after}"


def _tables() -> str:
    abilities = [ability.value for ability in Ability]
    families = _table(
        ["vision-language family", "such as", *abilities, "needs, and notes"],
        (
            [f"`{f.name}`", f.published, *(_cell(f, ability) for ability in Ability), _notes(f)]
            for f in FAMILIES
        ),
    )
    encoders = _table(
        ["dual encoder", "such as", "notes"],
        ([f"`{f.name}`", f.published, f.note] for f in DUAL_ENCODERS),
    )
    pipelines = _table(
        ["pipeline", "such as", "notes"],
        ([f"`{kind.name}`", kind.published, kind.note] for kind in PIPELINES),
    )
    return f"{families}\n{encoders}\n{pipelines}"


def _cell(family: Family, ability: Ability) -> str:
    return "–" if ability in family.cannot else "yes"


def _notes(family: Family) -> str:
    needs = ["torchvision"] if family.needs_torchvision else []
    reasons = _reasons(family.cannot)
    return "; ".join([*needs, *([family.note] if family.note else []), *reasons])


def _reasons(cannot: Mapping[Ability, str]) -> list[str]:
    return [f"–: {reason}" for reason in dict.fromkeys(cannot.values())]


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
