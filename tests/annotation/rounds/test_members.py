"""A round is drawn once: the same command adds nothing, a larger sample only adds."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignbench.annotation.errors import GoldFileError, UnknownModelError
from alignbench.annotation.pushing.ordering import ordered_sentences
from alignbench.annotation.rounds.gold import read_gold
from alignbench.annotation.rounds.members import (
    Draw,
    draw_gold,
    draw_sample,
    proportional,
    round_members,
)
from alignbench.schemas.rows.annotation import Withdrawn
from alignbench.schemas.tables import GOLD, ROUND_SENTENCES, SENTENCES, WITHDRAWN
from alignbench.schemas.vocabulary import Stratum, Verdict, WithdrawnKind
from alignbench.workspace.selection import Selection
from tests.annotation.workspaces import SPLITTER, Prepared, prepare

MODELS = ("model-a", "model-b")


@pytest.fixture
def two_models(tmp_path: Path) -> Prepared:
    """20 images with 3 sentences of each of two models."""
    made = prepare(tmp_path, images=20, generators=MODELS)
    return made._replace(selection=Selection(MODELS, SPLITTER))


def _draw(made: Prepared, draw: Draw, name: str = "pilot") -> int:
    return draw_sample(made.workspace, made.selection, name, draw, "test")


def _sent(made: Prepared, name: str = "pilot") -> list[str]:
    where = round_members(made.workspace, name).filter(made.selection)
    tables = list(ordered_sentences(made.workspace, where))
    return [key for table in tables for key in table["sentence_id"].to_pylist()]


def test_a_sample_is_drawn_once_and_a_larger_one_adds_to_it(two_models: Prepared) -> None:
    draw = Draw(sample=30, stratify=(Stratum.MODEL, Stratum.POSITION))
    assert _draw(two_models, draw) == 30
    first = set(_sent(two_models))
    assert len(first) == 30
    assert _draw(two_models, draw) == 0
    assert _draw(two_models, Draw(sample=60, stratify=draw.stratify)) == 30
    assert first < set(_sent(two_models))
    assert len(_sent(two_models)) == 60


def test_a_stratified_sample_has_each_model_and_position_in_proportion(
    two_models: Prepared,
) -> None:
    _draw(two_models, Draw(sample=30, stratify=(Stratum.MODEL, Stratum.POSITION)))
    rows = two_models.workspace.table(ROUND_SENTENCES).rows()
    counts = Counter(row.stratum for row in rows)
    assert counts == {f"{model}, {place}": 5 for model in MODELS for place in (1, 2, 3)}


def test_a_round_of_one_model_has_only_its_sentences(two_models: Prepared) -> None:
    assert _draw(two_models, Draw(models=("model-b",))) == 60
    sent = pa.array(_sent(two_models))
    found = two_models.workspace.table(SENTENCES).read(
        ["sentence_id", "model"], pc.field("sentence_id").isin(sent)
    )
    assert set(found["model"].to_pylist()) == {"model-b"}
    with pytest.raises(UnknownModelError, match=r"AB-A13.*'model-c'.*Known: model-a, model-b"):
        _draw(two_models, Draw(models=("model-c",)))


def test_a_round_that_nothing_was_drawn_for_has_every_sentence(two_models: Prepared) -> None:
    _draw(two_models, Draw(sample=3), "other")
    assert len(_sent(two_models, "pilot")) == 120


def test_sentences_of_a_sample_keep_their_place_in_the_whole_caption(two_models: Prepared) -> None:
    _draw(two_models, Draw(sample=7))
    where = round_members(two_models.workspace, "pilot").filter(two_models.selection)
    for table in ordered_sentences(two_models.workspace, where):
        assert set(table["sentence_count"].to_pylist()) == {3}


def test_sentences_of_a_withdrawn_image_are_in_no_round(two_models: Prepared) -> None:
    image = two_models.workspace.table(SENTENCES).read(["image_id"])["image_id"][0].as_py()
    row = Withdrawn(kind=WithdrawnKind.IMAGE, id=image, reason="asked", version=1)
    two_models.workspace.table(WITHDRAWN).append([row], "test")
    assert len(_sent(two_models)) == 114
    assert _draw(two_models, Draw(sample=1000)) == 114


def _gold_file(folder: Path, sentence_ids: list[str]) -> Path:
    path = folder / "gold.jsonl"
    line = '{{"sentence_id": "{}", "verdict": "correct"}}'
    path.write_text("\n".join(line.format(key) for key in sentence_ids))
    return path


def test_gold_is_mixed_in_at_its_share_and_stands_where_it_would_anyway(
    two_models: Prepared, tmp_path: Path
) -> None:
    everything = _sent(two_models)
    path = _gold_file(tmp_path, everything[::4])
    assert read_gold(two_models.workspace, path, "test") == 30
    assert read_gold(two_models.workspace, path, "test") == 0
    here = (two_models.workspace, two_models.selection, "pilot")
    assert draw_gold(*here, 0.1, "test") == 12
    assert draw_gold(*here, 0.1, "test") == 0
    members = round_members(two_models.workspace, "pilot")
    assert len(members.gold) == 12
    assert _sent(two_models) == everything, "none is moved, none is there twice"


def test_gold_of_the_models_that_a_round_is_about_is_taken_first(
    two_models: Prepared, tmp_path: Path
) -> None:
    everything = {row.sentence_id: row for row in two_models.workspace.table(SENTENCES).rows()}
    read_gold(two_models.workspace, _gold_file(tmp_path, sorted(everything)), "test")
    here = (two_models.workspace, two_models.selection, "pilot")
    assert draw_gold(*here, 0.1, "test", Draw(models=("model-b",))) == 6
    gold = round_members(two_models.workspace, "pilot").gold.to_pylist()
    assert {everything[key].model for key in gold} == {"model-b"}


@pytest.mark.parametrize(
    ("sample", "share", "gold", "stratify"),
    [(10, 0.1, 1, ()), (30, 0.1, 3, tuple(Stratum)), (120, 0.1, 12, (Stratum.MODEL,))],
)
def test_gold_is_a_share_of_the_round_and_takes_nothing_from_the_sample(
    two_models: Prepared,
    tmp_path: Path,
    sample: int,
    share: float,
    gold: int,
    stratify: tuple[Stratum, ...],
) -> None:
    read_gold(two_models.workspace, _gold_file(tmp_path, _sent(two_models)[::3]), "test")
    draw = Draw(sample=sample, stratify=stratify)
    here = (two_models.workspace, two_models.selection, "pilot")
    assert draw_gold(*here, share, "test", draw) == gold
    assert _draw(two_models, draw) == min(sample, 120 - gold)
    assert draw_gold(*here, share, "test", draw) == 0, "The same command adds nothing."
    assert draw_gold(*here, share, "test") == 0, "Nor does a plain push."
    assert _draw(two_models, draw) == 0


def test_a_sample_that_grows_in_other_proportions_has_as_many_as_are_asked_for(
    two_models: Prepared,
) -> None:
    _draw(two_models, Draw(models=("model-a",), sample=20))
    assert _draw(two_models, Draw(sample=30, stratify=(Stratum.MODEL,))) == 10


def test_gold_of_a_model_that_is_not_selected_joins_the_round_with_its_captions(
    two_models: Prepared, tmp_path: Path
) -> None:
    gold = _sent(two_models)
    only_a = two_models._replace(selection=Selection(("model-a",), SPLITTER))
    of_a = set(_sent(only_a))
    of_b = [key for key in gold if key not in of_a]
    read_gold(only_a.workspace, _gold_file(tmp_path, of_b[:5]), "test")
    draw_gold(only_a.workspace, only_a.selection, "pilot", 0.5, "test")
    assert set(of_b[:5]) < set(_sent(only_a))
    assert len(_sent(only_a)) == 60 + 2 * 3, "Alone among whole captions it would be known."


@pytest.mark.parametrize(("sample", "beside"), [(None, 2), (30, 0)])
def test_gold_of_another_model_comes_with_its_caption_where_those_of_the_round_are_whole(
    two_models: Prepared, tmp_path: Path, sample: int | None, beside: int
) -> None:
    rows = sorted(two_models.workspace.table(SENTENCES).rows(), key=lambda row: row.sentence_id)
    of_a = next(row.sentence_id for row in rows if row.model == "model-a")
    of_b = next(row.sentence_id for row in rows if row.model == "model-b")
    read_gold(two_models.workspace, _gold_file(tmp_path, [of_a, of_b]), "test")
    draw = Draw(models=("model-b",), sample=sample)
    here = (two_models.workspace, two_models.selection, "pilot")
    assert draw_gold(*here, 0.1, "test", draw) == 2
    drawn = _draw(two_models, draw)
    assert drawn == (sample or 60 - 1)
    assert len(_sent(two_models)) == drawn + 2 + beside
    assert draw_gold(*here, 0.1, "test", draw) == 0, "The same command adds nothing."


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "line 1 is no gold sentence"),
        ('{"sentence_id": "x", "verdict": "maybe"}', "line 1"),
        ('{"sentence_id": "x", "verdict": "correct"}', "no sentence x"),
        ('{"sentence_id": "ID", "verdict": "correct", "spans": '
         '[{"start": 0, "end": 1, "type": "object"}]}', "no wrong spans"),
        ('{"sentence_id": "ID", "verdict": "incorrect", "spans": '
         '[{"start": 0, "end": 3, "type": "object", "text": "no!"}]}', "is not what it says"),
        ('{"sentence_id": "ID", "verdict": "incorrect", "spans": '
         '[{"start": 0, "end": 999, "type": "object"}]}', "is not what it says"),
    ],
)  # fmt: skip
def test_a_wrong_line_of_gold_is_named(
    two_models: Prepared, tmp_path: Path, line: str, reason: str
) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_text(line.replace("ID", _sent(two_models)[0]))
    with pytest.raises(GoldFileError, match=reason):
        read_gold(two_models.workspace, path, "test")
    assert two_models.workspace.table(GOLD).count() == 0


def test_gold_that_changes_gets_a_newer_row(two_models: Prepared, tmp_path: Path) -> None:
    key = _sent(two_models)[0]
    path = _gold_file(tmp_path, [key])
    read_gold(two_models.workspace, path, "test")
    path.write_text(path.read_text().replace("correct", "unknown"))
    assert read_gold(two_models.workspace, path, "test") == 1
    [row] = two_models.workspace.table(GOLD).rows()
    assert (row.verdict, row.version) == (Verdict.UNKNOWN, 2)


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 500), min_size=1), st.data())
def test_shares_add_up_and_stay_within_their_stratum(
    sizes: dict[str, int], data: st.DataObject
) -> None:
    wanted = data.draw(st.integers(0, sum(sizes.values())))
    shares = proportional(sizes, wanted)
    assert sum(shares.values()) == wanted
    for name, size in sizes.items():
        assert 0 <= shares[name] <= size
        assert abs(shares[name] - wanted * size / sum(sizes.values())) < 1
