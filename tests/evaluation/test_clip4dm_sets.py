"""CLIP4DM's own evaluation, against scikit-learn on releases of the sets' published formats."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import average_precision_score, precision_recall_fscore_support

from alignbench.evaluation.analyses.clip4dm_sets.analysis import Judge, clip4dm_evaluation
from alignbench.evaluation.errors import OwnLabelsError
from alignbench.evaluation.evaluate import Settings, evaluated_sentences
from alignbench.evaluation.scores.own_labels import decoded_labels
from alignbench.evaluation.scores.scored import Scored, Sentences
from alignbench.flows.imports import import_set
from alignbench.release_format.folder import open_release
from alignbench.release_format.sentences import ReleaseReader
from tests.release.importers.specimens import lines, tfrecord, written

Row = dict[str, Any]
Words = list[tuple[int, int, float]]

EPSILON = -0.3
NOUNS = ("dog", "cat", "wall clock", "ball", "kite", "boat", "cup")
SHAPES = ("A {0} on a {1}.", "The {0} - with a {1}; very old?!", "a {0}, red, near the {1}")


def imported(tmp_path: Path, kind: str, *files: Path) -> Sentences:
    import_set(kind, list(files), str(tmp_path / "out" / "1.0.0"))
    reader = ReleaseReader(open_release(str(tmp_path / "out" / "1.0.0")))
    return evaluated_sentences(reader, Settings(figures=False), tmp_path)


def told_by(sentences: Sentences, seed: int = 4) -> tuple[Scored, list[Words]]:
    """Returns random scores of sentences and words, as a detector with a threshold gives them."""
    random = np.random.default_rng(seed)
    words: list[Words] = []
    for text in sentences.table["caption"].to_pylist():
        found = list(re.finditer(r"[.,]|[^\s.,]+", text))
        scores = random.normal(0, 0.4, len(found)).tolist()
        words.append([(m.start(), m.end(), s) for m, s in zip(found, scores, strict=True)])
    flat = [(row, *word) for row, own in enumerate(words) for word in own]
    table = pa.table(dict(zip(("row", "start", "end", "score"), zip(*flat, strict=True),
                              strict=True)))  # fmt: skip
    scores = random.normal(0, 1, len(sentences)).round(1)  # some of them tie
    return Scored("made", "made", scores, words=table, word_threshold=EPSILON), words


def results(
    sentences: Sentences, scored: Scored, judge: Judge | None = None
) -> dict[tuple[str, str], Row]:
    analysis = clip4dm_evaluation(sentences, [scored], judge)
    assert analysis is not None
    rows = [row for row in analysis.table.to_pylist() if row["group"] == "all"]
    return {(row["measure"], row["matching"]): row for row in rows}


def overlaps(row: Row, start: int, end: int) -> bool:
    return any(start < span["end"] and span["start"] < end for span in row["error_spans"])


def rows_of(sentences: Sentences) -> list[Row]:
    return [{**row, "own": json.loads(row["own_labels"])} for row in sentences.table.to_pylist()]


def pairs(count: int) -> list[Row]:
    """Returns entries of nocaps-FOIL; the last one's foil is its original."""
    random = np.random.default_rng(1)
    entries = []
    for number in range(count):
        old, new, other = random.choice(NOUNS, 3, replace=False)
        shape = SHAPES[number % 3]
        new = old if number == count - 1 else new
        entries.append({
            "image_path": f"{number % 12}.jpg", "references": [f"A {old}."],
            "domain": ("in-domain", "out-of-domain")[number % 2],
            "baseline": shape.format(old, other), "foil": shape.format(new, other),
            "replacement": [old, new],
        })  # fmt: skip
    return entries


def test_foils_are_located_by_the_lowest_word_and_originals_are_the_positives(
    tmp_path: Path,
) -> None:
    path = tmp_path / "nocaps-val-foil.json"
    path.write_text(json.dumps(pairs(40)))
    sentences = imported(tmp_path, "nocaps_foil", path)
    scored, words = told_by(sentences)
    found = results(sentences, scored)
    rows = rows_of(sentences)
    gold = [
        row["own"]["replacement"][1].lower()
        if row["own"]["foil"] and len(set(row["own"]["replacement"])) == 2 else ""
        for row in rows
    ]  # fmt: skip
    lowest = [min(own, key=lambda word: word[2])[:2] for own in words]
    hits = [row["caption"][a:b].lower() == one
            for row, one, (a, b) in zip(rows, gold, lowest, strict=True)]  # fmt: skip
    published = found["location accuracy", "published"]
    assert published["value"] == pytest.approx(sum(hits) / sum(map(bool, gold)), abs=1e-9)
    assert published["low"] < published["value"] < published["high"]
    ap = found["average precision", "published"]
    originals = [not one for one in gold]
    assert ap["value"] == pytest.approx(average_precision_score(originals, scored.scores), abs=1e-9)
    assert ap["positive"] == "correct"
    assert ap["base_rate"] == pytest.approx(np.mean(originals))
    wrong = [row["annotation"] == "incorrect" for row in rows]
    is_there = [bool(row["error_spans"]) for row in rows]
    usable = ~np.array(wrong) | np.array(is_there)
    marked = [overlaps(row, *place) for row, place in zip(rows, lowest, strict=True)]
    by_place = found["location accuracy", "offsets"]
    assert by_place["value"] == pytest.approx(
        sum(m for m, w in zip(marked, wrong, strict=True) if w) / sum(np.array(wrong) & usable)
    )
    assert found["average precision", "offsets"]["value"] == pytest.approx(
        average_precision_score(~np.array(wrong)[usable], scored.scores[usable]), abs=1e-9
    )
    analysis = clip4dm_evaluation(sentences, [scored], None)
    assert analysis is not None
    groups = {row["group"] for row in analysis.table.to_pylist()}
    assert groups == {"all", "in-domain", "out-of-domain"}


def test_hat_takes_a_piece_of_the_wrong_words_letters_for_a_hit(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    entries = []
    for number in range(40):
        caption = SHAPES[number % 3].format("dog", "cat")
        marks = [[word, bool(random.random() < 0.15)] for word in caption.split(" ")]
        entries.append({
            "sample_id": str(number), "caption": caption, "image_path": f"{number % 12}.jpg",
            "grounding": marks, "references": ["A dog."],
        })  # fmt: skip
    path = tmp_path / "hat-trainval.json"
    path.write_text(json.dumps(entries))
    sentences = imported(tmp_path, "hat", path)
    scored, words = told_by(sentences)
    found = results(sentences, scored)
    gold = [
        " ".join(re.sub("[.,]", "", word) for word, is_wrong in row["own"]["grounding"] if is_wrong)
        .strip().lower()
        for row in rows_of(sentences)
    ]  # fmt: skip
    hits, marked = [], []
    for row, one, own in zip(rows_of(sentences), gold, words, strict=True):
        kept = [w for w in own if row["caption"][w[0] : w[1]] not in '.,!"?;:" ']
        runs: list[Words] = []
        for place, word in enumerate(kept):
            if word[2] < EPSILON:
                follows = runs and place and kept[place - 1] is runs[-1][-1]
                runs = [*runs[:-1], [*runs[-1], word]] if follows else [*runs, [word]]
        low = min(runs, key=lambda run: np.mean([w[2] for w in run]), default=None)
        said = " ".join(row["caption"][a:b] for a, b, _ in low or []).lower()
        hits.append(low is not None and said in one)
        marked.append(low is not None and any(overlaps(row, a, b) for a, b, _ in low))
    foils = sum(map(bool, gold))
    assert found["location accuracy", "published"]["value"] == pytest.approx(sum(hits) / foils)
    assert found["location accuracy", "offsets"]["value"] == pytest.approx(sum(marked) / foils)
    ap = found["average precision", "published"]
    assert ap["value"] == pytest.approx(
        average_precision_score(list(map(bool, gold)), -scored.scores), abs=1e-9
    )
    assert (ap["positive"], ap["base_rate"]) == ("incorrect", pytest.approx(foils / 40))


def rich_hf(tmp_path: Path) -> Sentences:
    random = np.random.default_rng(3)
    prompts, examples = [], []
    for number in range(40):
        prompt = SHAPES[number % 3].format("dog", "cat")
        tokens = [token for token in re.split(r'[,.?!":; ]', prompt) if token]
        labels = " ".join(str(int(random.random() > 0.2)) for _ in tokens)
        prompts.append({"filename": f"{number}.png", "prompt": prompt})
        examples.append({
            "filename": f"test/{number}.png".encode(),
            "prompt_misalignment_label": labels.encode(),
            "misalignment_score": float(random.random()),
        })  # fmt: skip
    record, told = tmp_path / "test.tfrecord", tmp_path / "prompts.jsonl"
    record.write_bytes(tfrecord(*examples))
    told.write_text(lines(*prompts))
    return imported(tmp_path, "rich_hf", record, told)


def test_rich_hf_counts_tokens_by_their_number_and_by_their_place(tmp_path: Path) -> None:
    sentences = rich_hf(tmp_path)
    scored, words = told_by(sentences)
    found = results(sentences, scored)
    by_index: tuple[list[bool], list[bool]] = ([], [])
    by_place: tuple[list[bool], list[bool]] = ([], [])
    for row, own in zip(rows_of(sentences), words, strict=True):
        text = row["caption"]
        tokens = [token for token in re.split(r'[,.?!":; ]', text) if token]
        labels = row["own"]["prompt_misalignment_label"].split()
        gold = {f"{n}_{token.lower()}" for n, (token, label)
                in enumerate(zip(tokens, labels, strict=True)) if label == "0"}  # fmt: skip
        kept = [word for word in own if text[word[0] : word[1]] not in '.,!"?;:" ']
        flagged = {f"{n}_{text[a:b].lower()}" for n, (a, b, s) in enumerate(kept) if s < EPSILON}
        for name in gold | flagged:
            by_index[0].append(name in gold)
            by_index[1].append(name in flagged)
        for token in re.finditer(r'[^,.?!":; ]+', text):
            a, b = token.span()
            by_place[0].append(overlaps(row, a, b))
            by_place[1].append(any(a < e and s < b and x < EPSILON for s, e, x in kept))
    for matching, (truth, told) in (("published", by_index), ("offsets", by_place)):
        expected = precision_recall_fscore_support(truth, told, average="binary")[:3]
        names = ("token precision", "token recall", "token F1")
        values = [found[name, matching]["value"] for name in names]
        assert values == pytest.approx(expected, abs=1e-9)
    human = [row["own"]["misalignment_score"] for row in rows_of(sentences)]
    for measure, function in (
        ("Pearson's r with the human score", pearsonr),
        ("Spearman's rho with the human score", spearmanr),
    ):
        row = found[measure, "published"]
        assert row["value"] == pytest.approx(function(scored.scores, human).statistic, abs=1e-9)
        assert row["low"] < row["value"] < row["high"]


def test_without_a_threshold_there_are_no_misaligned_words_to_count(tmp_path: Path) -> None:
    sentences = rich_hf(tmp_path)
    scored, _ = told_by(sentences)
    bare = Scored("made", "made", scored.scores, words=scored.words)
    row = results(sentences, bare)["token F1", "published"]
    assert row["value"] is None
    assert "no score below which" in row["why_null"]


def test_seetrue_is_judged_by_what_the_wrong_words_entail(tmp_path: Path) -> None:
    [path] = written(tmp_path, "seetrue_feedback")
    sentences = imported(tmp_path, "seetrue_feedback", path)
    asked: list[tuple[str, str]] = []

    def entails(pairs: list[tuple[str, str]]) -> list[float]:
        asked.extend(pairs)
        return [0.75] * len(pairs)

    texts = sentences.table["caption"].to_pylist()
    place = texts.index("A RED hat.")
    words = pa.table({
        "row": [place] * 4, "start": [0, 2, 6, 9], "end": [1, 5, 9, 10],
        "score": [0.5, -1.0, -2.0, -9.0],
    })  # fmt: skip
    scored = Scored("made", "made", np.zeros(2), words=words, word_threshold=EPSILON)
    found = results(sentences, scored, Judge("a judge", entails))
    # Each pair is asked about once, though it stands in a group of the set as well.
    assert asked == [("red hat", "red hat"), ("RED hat", "RED hat")]
    published, offsets = (found["entailment", name] for name in ("published", "offsets"))
    assert published["value"] == 0.375, "The caption of which nothing is named counts as zero."
    assert (offsets["value"], offsets["sentences"], offsets["not_located"]) == (0.75, 1, 1)
    assert found["average precision", "published"]["value"] is None
    none = results(sentences, scored)["entailment", "published"]
    assert none["why_null"] == "No NLI model was named: evaluate with --entailment MODEL."


def test_a_release_of_another_set_has_no_such_table(tmp_path: Path) -> None:
    sentences = imported(tmp_path, "sugarcrepe", *written(tmp_path, "sugarcrepe"))
    scored: Callable[..., Scored] = Scored
    assert clip4dm_evaluation(sentences, [scored("a", "a", np.zeros(2))], None) is None


def test_own_labels_of_another_set_are_refused(tmp_path: Path) -> None:
    sentences = imported(tmp_path, "hat", *written(tmp_path, "hat"))
    place = sentences.table.column_names.index("own_labels")
    odd = pa.array(['{"grounding": [1, 2]}'])
    table = sentences.table.set_column(place, "own_labels", odd)
    changed = Sentences.of(table, import_kind="hat")
    with pytest.raises(OwnLabelsError):
        clip4dm_evaluation(changed, [Scored("a", "a", np.zeros(1))], None)
    assert decoded_labels("no JSON") == decoded_labels("[1]") == decoded_labels(None) == {}
