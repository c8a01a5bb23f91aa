"""Whole captions answered in Chromium and in Firefox, in three scripts, down to released rows."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from alignbench.annotation.label_studio.caption_page import UNKNOWN, WHOLE_SENTENCE
from alignbench.flows.caption import caption
from alignbench.flows.ingest import ingest
from alignbench.flows.label import label
from alignbench.flows.pull import pull
from alignbench.flows.push import push
from alignbench.flows.release import release
from alignbench.flows.split import split
from alignbench.release.verify.verify import verify
from alignbench.release_format.release import open_release
from alignbench.scenes.drawing import png
from alignbench.scenes.sampling import sample_scenes
from alignbench.schemas.tables import SENTENCES
from alignbench.schemas.vocabulary import HallucinationType as Type
from tests.annotation.label_studio.test_caption_page import Told
from tests.annotation.labelling_person import LabellingPerson
from tests.fixtures.labelling_browsers import LabellingBrowser
from tests.fixtures.services import EmbeddedLabelStudio
from tests.flows.roads import new_workspace
from tests.flows.test_queues import PASSWORD, Team

LENGTHS = range(3, 15)
"""How many sentences the captions have."""


class Language(NamedTuple):
    """What captions of a language are made of.

    Attributes:
        between: What stands between two sentences.
        sentence: A sentence with its number in it.
        words: Some of its words, and the type that they are marked with.
    """

    between: str
    sentence: str
    words: tuple[tuple[str, Type], ...]


LANGUAGES = {
    "en": Language(
        " ",
        "Beside 🐱 house number {} stands a tall red-white café.",
        (("red-white", Type.ATTRIBUTE), ("café", Type.ILLUSION)),
    ),
    "ja": Language(
        "",
        "{}番目の家のそばに赤い🎩ボールがある。",
        (("ボール", Type.ILLUSION), ("赤い", Type.ATTRIBUTE)),
    ),
    "ar": Language(
        " ",
        "القط الأسود رقم {} ينظر إلى הכלב ABC الكبير.",
        (("الأسود", Type.ATTRIBUTE), ("הכלב", Type.OBJECT)),
    ),
}  # fmt: skip


def told(language: Language, length: int) -> list[Told]:
    """What is said of the sentences of a caption: each kind of answer in turn."""
    first, second = language.words
    kinds: list[tuple[dict[str, Type], str | None]] = [
        (dict([first]), None), ({}, None), ({}, UNKNOWN), ({}, WHOLE_SENTENCE),
        (dict(language.words), None), ({}, None), (dict([second]), None),
    ]  # fmt: skip
    said = []
    for number in range(length):
        words, whole = kinds[(number + length) % len(kinds)]
        text = language.sentence.format(100 * length + number)
        said.append(Told(text, words, whole))
    return said


@pytest.fixture
def team(
    label_studio: EmbeddedLabelStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Team:
    """A workspace with nothing in it and nobody in the team."""
    monkeypatch.setenv("LABEL_STUDIO_URL", label_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    root = new_workspace(label_studio.root / "blobs" / f"{tmp_path.parent.name}-{tmp_path.name}")
    return Team(root, label_studio)


def prepare_captions(team: Team, captions: Sequence[Sequence[Told]], language: str) -> None:
    """Fills a workspace with captions that are cut into these sentences."""
    between = LANGUAGES[language].between
    lines = []
    for number, (scene, said) in enumerate(
        zip(sample_scenes(len(captions), seed=5), captions, strict=True)
    ):
        picture = f"scene-{number:02}.png"
        (team.root / "inputs" / "photographs" / picture).write_bytes(png(scene))
        text = between.join(one.text for one in said)
        lines.append(json.dumps({"file_name": picture, "model": "photo-careful", "caption": text}))
    (team.root / "inputs" / "captions.jsonl").write_text("\n".join(lines))
    for stage in (ingest, caption, split):
        stage.fn(workspace=team.address)
    cut = {row.text for row in team.workspace().table(SENTENCES).rows()}
    assert cut == {one.text for said in captions for one in said}


def send(team: Team, name: str, unit: str, language: str) -> None:
    """Puts everything to one person, in a round of its own."""
    team.form([name], answers=1)
    config = team.root / "alignbench.toml"
    asked = f'[annotation]\nround = "{unit}s"\nunit = "{unit}"\nlanguage = "{language}"'
    config.write_text(config.read_text().replace("[annotation]", asked))
    push.fn(workspace=team.address)
    # The server shows images of the workspace that it belongs to: another one.
    shutil.copytree(team.root / "blobs" / "images", team.shown_images, dirs_exist_ok=True)
    team.server.storages.ensure_local(team.project(name), str(team.shown_images))


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("language", LANGUAGES)
def test_captions_of_every_length_are_answered_by_keyboard_and_released_as_they_were_answered(
    team: Team, labelling_browser: LabellingBrowser, language: str
) -> None:
    [name] = team.join(1)
    captions = [told(LANGUAGES[language], length) for length in LENGTHS]
    prepare_captions(team, captions, language)
    send(team, name, "caption", language)
    everything = {one.text: one for said in captions for one in said}
    person = LabellingPerson(labelling_browser, team.url)
    person.logs_in(name, PASSWORD)
    person.answers_captions(team.project(name), len(captions), everything)
    assert pull.fn(workspace=team.address).made == len(captions)
    label.fn(workspace=team.address)
    release.fn(workspace=team.address)
    folder = team.root / "releases" / "photographs" / "1.0.0"
    assert verify(folder).ok
    rows = open_release(folder).to_arrow().to_pylist()
    assert len(rows) == len(everything) == sum(LENGTHS)
    for row in rows:
        one = everything[row["caption"]]
        spans = row["error_spans"]
        # A double-click in Firefox takes a full stop with the word before it.
        words = [one.text[span["start"] : span["end"]].rstrip(".") for span in spans]
        marked = dict(zip(words, (span["type"] for span in spans), strict=True))
        assert (row["annotation"].lower(), marked) == (one.verdict, one.words), one.text
