"""Questions about drawn scenes, and what is said to them, are what their plan says."""

from pathlib import Path

import numpy as np

from alignbench.scenes.planned_answers import (
    Plan,
    PlannedJudge,
    people_score,
    person_rating,
    planned_answer,
    planned_score,
)
from alignbench.scenes.questions import TEMPLATES, claims, reworded, truths, write_scene_questions


def test_a_right_answer_has_a_mark_for_every_sentence_in_both_languages(tmp_path: Path) -> None:
    entries, scenes = write_scene_questions(tmp_path, 6)
    assert len(entries) == 6 * 3
    assert {one["language"] for one in entries} == {"en", "zh"}
    for language in TEMPLATES:
        assert len(claims(language).splitlines()) == 18
    for scene in scenes.values():
        assert len(truths(scene).split()) == 18
        assert people_score(truths(scene), truths(scene)) == 10


def test_a_question_in_other_words_keeps_the_sentences_in_their_order(tmp_path: Path) -> None:
    entries, _ = write_scene_questions(tmp_path, 2)
    for entry in entries:
        prompt = str(entry["prompt"])
        other = reworded(prompt)
        assert len(other.splitlines()) == len(prompt.splitlines())
        for old, new in zip(prompt.splitlines()[1:], other.splitlines()[1:], strict=True):
            assert old != new
            assert all(
                word in new for word in ("circle", "top left", "圆形", "左上") if word in old
            )


def test_models_and_judges_err_as_planned(tmp_path: Path) -> None:
    entries, scenes = write_scene_questions(tmp_path, 40)
    pairs = list(scenes.items())
    for level in (3.0, 6.0, 8.0):
        scores = [
            people_score(planned_answer("m", Plan(level), scene, image, f"{n}"), truths(scene))
            for image, scene in pairs
            for n in range(3)
        ]
        assert abs(np.mean(scores) - level) < 0.5
    image, scene = pairs[0]
    reference = truths(scene)
    short = planned_answer("m", Plan(6), scene, image, "q")
    long = planned_answer("m", Plan(6, padded=True), scene, image, "q")
    assert people_score(short, reference) == people_score(long, reference)
    strict, biased = PlannedJudge.STRICT, PlannedJudge.BIASED
    assert planned_score(strict, long, reference, "x") == people_score(long, reference)
    apart = planned_score(biased, long, reference, "x") - planned_score(
        biased, short, reference, "x"
    )
    assert 2 < apart <= 3
    assert person_rating("a", 0.0, short, reference) == person_rating("a", 0.0, short, reference)
    assert planned_answer("m", Plan(6), None, "", "q") == " ".join("n" * 18)
    assert entries
