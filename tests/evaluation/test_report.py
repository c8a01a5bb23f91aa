"""The report opens in a browser with nothing from outside; untrusted text stays text."""

import re
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
from playwright.sync_api import Browser

from alignbench.evaluation.chosen_detectors.entries import DetectorEntry, parse_detector
from alignbench.evaluation.evaluate import Settings
from alignbench.evaluation.scores.scored import Sentences
from alignbench.flows.evaluate import evaluate
from alignbench.release.build import build_release
from alignbench.release.labels.compute import compute_labels
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import open_store
from tests.evaluation.releases import write_release
from tests.evaluation.sentences import made_sentences
from tests.fixtures.tiny_dual_encoders import save_clip, save_siglip
from tests.fixtures.tiny_models import save_captioner
from tests.release.benchmark import CONFIG, make_workspace, released_folder

BASELINES = ("constant", "sentence_length")
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)> & $\\frac{1}{2}$ _#%"


def offline_detectors(folder: Path) -> list[DetectorEntry]:
    clip, siglip = save_clip(folder / "clip"), save_siglip(folder / "siglip")
    captioner, chat = (
        save_captioner("blip", folder / "blip"),
        save_captioner("llava", folder / "llava"),
    )
    return [
        parse_detector(text)
        for text in (
            "constant",
            "sentence_length",
            f"clip:repo={clip}",
            f"siglip:repo={siglip}",
            f"clip4dm:repo={clip}",
            f"likelihood:repo={captioner}",
            f"vlm:repo={chat},answer=yes_no",
        )
    ]


def opened(browser: Browser, report: Path) -> tuple[list[str], list[str], str]:
    """Returns what went wrong in the page, what it asked for, and its text."""
    page = browser.new_page()
    troubles: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.wait_for_load_state("networkidle")
    broken = page.evaluate(
        "[...document.images].filter(i => !i.complete || i.naturalWidth === 0).map(i => i.alt)"
    )
    text = page.inner_text("body")
    page.close()
    return troubles + broken, [url for url in asked if not url.startswith("data:")], text


def test_every_offline_detector_on_a_real_release_is_in_a_page_that_needs_nothing(
    tmp_path: Path, browser: Browser
) -> None:
    workspace, rows = make_workspace(LocalStore(tmp_path / "workspace"), images=12)
    compute_labels(workspace, rows.selection, "run-1")
    build_release(workspace, rows.selection, CONFIG)
    release = released_folder(workspace)
    entries = offline_detectors(tmp_path / "models")
    out = tmp_path / "out"
    done = evaluate(str(release), entries, out, Settings())
    troubles, asked, text = opened(browser, done.report)
    assert troubles == []
    assert asked == [done.report.as_uri()]
    assert all(entry.name in text for entry in entries)
    assert all(analysis.title in text for analysis in done.analyses)
    assert "It gives the same score, 0.5, to every sentence." in text
    assert "The hardest sentences" in text
    # One image's licence keeps it out of the release: its four sentences have no pixels.
    everything = len(done.detectors[0].there)
    missing = {d.name: everything - int(d.there.sum()) for d in done.detectors}
    assert missing == {e.name: 0 if e.name in BASELINES else 4 for e in entries}
    figures = {path.stem for path in (out / "results").glob("*.svg")}
    assert {"auroc_by_model", "score_by_position", "self_preference", "localisation"} <= figures
    again = evaluate(str(release), entries, out, Settings())
    assert again.analyses[1].table.equals(done.analyses[1].table), "Nothing is left to chance."


def test_text_of_models_and_detectors_is_shown_and_never_run(
    tmp_path: Path, browser: Browser
) -> None:
    made = made_sentences(60, 12, ("one", "two"))
    table = made.table
    for name in ("model", "caption", "domain", "error_type"):
        place = table.column_names.index(name)
        evil = [None if value is None else f"{value} {EVIL}" for value in table[name].to_pylist()]
        # A folder cannot have the name of a model with a slash in it; the column can.
        if name != "model":
            table = table.set_column(place, name, pa.array(evil, pa.string()))
    release = write_release(tmp_path / "1.0.0", replace(made, table=table))
    done = evaluate(str(release), [parse_detector("sentence_length")], tmp_path / "out", Settings())
    troubles, asked, text = opened(browser, done.report)
    assert troubles == []
    assert asked == [done.report.as_uri()]
    assert "<script>alert(1)</script>" in text
    page = done.report.read_text()
    assert page.count("<script>") == page.count("<script") == 1, "The one that sorts tables."
    assert re.search(r"<img[^>]*onerror", page) is None
    assert done.report.stat().st_size < 5_000_000


def test_a_release_on_s3_is_evaluated_by_ranges(tmp_path: Path, s3_environment: None) -> None:
    sentences = Sentences.of(made_sentences(200, 30).table)
    folder = write_release(tmp_path / "1.0.0", sentences)
    store = open_store("s3://alignbench-tests/evaluated")
    for path in folder.rglob("*"):
        if path.is_file():
            store.write(f"1.0.0/{path.relative_to(folder).as_posix()}", path.read_bytes())
    store.write("latest.json", b'{"version": "1.0.0"}')
    clip = parse_detector(f"clip:repo={save_clip(tmp_path / 'clip')}")
    settings = Settings(figures=False)
    tables = []
    for number, address in enumerate(("s3://alignbench-tests/evaluated/latest", str(folder))):
        out = tmp_path / f"out{number}"
        done = evaluate(address, [clip], out, settings)
        assert done.detectors[0].there.all()
        tables.append(done.analyses[1].table)
    assert tables[0].equals(tables[1])
