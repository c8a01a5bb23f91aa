"""The page of single sentences, from a disk in a real browser: filters, votes, and hostile text."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from alignbench.evaluation.chosen_detectors.entries import DetectorEntry
from alignbench.evaluation.evaluate import Settings
from alignbench.evaluation.report.browser import best_threshold
from alignbench.evaluation.scores.scored import Sentences
from alignbench.flows.evaluate import evaluate
from alignbench.reporting.pieces import pieces
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_scores, made_sentences

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028 \U0001f388 `${1}`"
MODELS = ("careful", "hasty")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation of 450 sentences by two detectors, with markup in every text."""
    base = tmp_path_factory.mktemp("browsed")
    made = made_sentences(450, 60, MODELS)
    table = made.table
    for name in ("caption", "domain", "error_type"):
        texts = [v if v is None else f"{v} {EVIL}" for v in table[name].to_pylist()]
        table = table.set_column(table.column_names.index(name), name, pa.array(texts, pa.string()))
    for name, count in (("n_correct", 2), ("n_incorrect", 1), ("n_unknown", 0)):
        table = table.append_column(name, pa.array([count] * 450, pa.int32()))
    sentences = Sentences.of(table)
    release = write_release(base / "release", sentences, kept_out=3)
    entries = []
    for name, strength in (("weak", 0.3), ("strong", 2.0)):
        scores = made_scores(sentences, name, strength).scores
        path = base / f"{name}.parquet"
        pq.write_table(pa.table({"sentence_id": table["sentence_id"], "score": scores}), path)
        entries.append(DetectorEntry(name=name, backend="scores", options={"path": str(path)}))
    evaluate(str(release), entries, base / "out", Settings(figures=False))
    return base / "out"


class Opened:
    """The page, and what went wrong in it or was asked for."""

    def __init__(self, browser: Browser, folder: Path, width: int = 1200) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 900})
        self.page.set_default_timeout(120_000)
        self.troubles: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto((folder / "sentences.html").as_uri())
        self.page.wait_for_selector("article")

    def choose(self, name: str, value: str) -> None:
        self.page.select_option(f"[name={name}]", value)


def test_sentences_are_filtered_by_model_verdict_detector_and_outcome(
    folder: Path, browser: Browser
) -> None:
    opened = Opened(browser, folder)
    page, shown = opened.page, opened.page.locator("#shown")
    expect(shown).to_have_text("1 to 20 of 450 sentences")
    page.click("#after")
    expect(shown).to_have_text("21 to 40 of 450 sentences")
    opened.choose("model", "1")
    opened.choose("correct", "0")
    expect(page.locator("article h2").first).to_have_text("incorrect")
    assert all("by hasty" in text for text in page.locator("article").all_inner_texts())
    opened.choose("detector", "1")
    opened.choose("outcome", "wrong")
    expect(page.locator("article .chosen").first).to_contain_text("wrong")
    assert all("wrong" in text for text in page.locator("article .chosen").all_inner_texts())
    assert "#model=1&correct=0&detector=1&outcome=wrong" in page.url
    page.reload()
    expect(page.locator("article .chosen").first).to_contain_text("wrong")
    assert opened.troubles == []


def test_right_and_wrong_sentences_of_a_detector_are_all_of_them(
    folder: Path, browser: Browser
) -> None:
    opened = Opened(browser, folder)
    counts = []
    for outcome in ("right", "wrong"):
        opened.choose("detector", "1")
        opened.choose("outcome", outcome)
        expect(opened.page.locator("article .chosen").first).to_contain_text(outcome)
        counts.append(int(opened.page.inner_text("#shown").split(" of ")[1].split()[0]))
        for text in opened.page.locator("article .chosen").all_inner_texts():
            assert outcome in text
    assert sum(counts) == 450


def test_hostile_text_is_shown_and_nothing_but_own_files_is_asked_for(
    folder: Path, browser: Browser
) -> None:
    opened = Opened(browser, folder, width=390)
    page = opened.page
    page.wait_for_load_state("networkidle")
    assert "<script>alert(1)</script>" in page.inner_text("#list")
    assert "2 correct, 1 incorrect, 0 unknown" in page.inner_text("#list")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "Nothing hangs over a narrow window."
    assert page.locator("article script, article img[onerror]").count() == 0
    assert opened.troubles == []
    assert all(url.startswith((folder.as_uri(), "data:")) for url in opened.asked)
    # A script put into the page is refused by its policy.
    page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s); }"
    )
    assert page.evaluate("window.ran") is None


def test_data_files_are_plain_ascii_and_hold_every_sentence_once(folder: Path) -> None:
    index = (folder / "sentences" / "index.js").read_text(encoding="ascii")
    assert json.loads(index[len('handOver("index",') : -3])["sentences"] == 450
    found = []
    for path in (folder / "sentences").glob("chunk-*.js"):
        text = path.read_text(encoding="ascii")
        assert "</script" not in text or "\n" not in text[:-1]
        found += [row[0] for row in json.loads(text[text.index(",") + 1 : -3])]
    assert len(found) == len(set(found)) == 450
    images = list((folder / "sentences" / "images").glob("*.jpg"))
    assert 40 < len(images) <= 57, "Three images are not in the release."


def test_a_missing_data_file_is_named(folder: Path, browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page()
    (tmp_path / "sentences.html").write_bytes((folder / "sentences.html").read_bytes())
    page.goto((tmp_path / "sentences.html").as_uri())
    expect(page.locator("#shown")).to_contain_text("keep that folder beside this page")


def test_overlapping_spans_are_cut_where_they_meet() -> None:
    spans = [
        {"start": 0, "end": 6, "type": "object"},
        {"start": 3, "end": 8, "type": None},
        {"start": 40, "end": 60, "type": "text"},
    ]
    found = list(pieces("abcdefghij" * 5, spans, 45))
    assert [tuple(piece) for piece in found] == [
        ("abc", "object"),
        ("def", "object, other"),
        ("gh", "other"),
        ("ij" + "abcdefghij" * 3, ""),
        ("abcde", "text"),
        ("…", ""),
    ]


def test_the_threshold_is_that_of_the_best_balanced_accuracy() -> None:
    random = np.random.default_rng(0)
    correct = random.random(200) < 0.8
    scores = np.round(correct + random.normal(0, 1, 200), 1)
    found = best_threshold(scores, correct)
    assert found is not None

    def balanced(threshold: float) -> float:
        called = scores >= threshold
        return float(called[correct].mean() + (~called)[~correct].mean()) / 2

    assert found.balanced_accuracy == pytest.approx(max(map(balanced, scores)))
    assert balanced(found.score) == pytest.approx(found.balanced_accuracy)
    assert best_threshold(scores, np.ones(200, bool)) is None
