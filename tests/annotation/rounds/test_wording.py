"""What annotators read has an id that stands on their answers, and a change of it is said."""

from dataclasses import replace
from pathlib import Path

from alignbench.annotation.label_studio.records import ProjectSettings, Wording
from alignbench.annotation.label_studio.texts import annotator_texts
from alignbench.annotation.rounds.wording import note_wording, wording_changes
from alignbench.schemas.ids import canonical_json
from alignbench.schemas.tables import ANNOTATION_PROJECTS, GUIDELINES
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.workspace import Workspace


def wording(**changes: str) -> Wording:
    texts = annotator_texts("en")
    page = texts.page.model_copy(update=changes)
    changed = texts.model_copy(update={"page": page})
    content = canonical_json(changed.model_dump(mode="json"))
    return Wording(changed.guideline_id, "en", content, "schema")


def noted(workspace: Workspace, project_id: int, of: Wording) -> None:
    settings = ProjectSettings("Descriptions", "<View/>", "", 1, wording=of)
    note_wording(workspace, "server", project_id, "1", settings, "test")


def test_each_project_keeps_what_it_was_set_up_with(tmp_path: Path) -> None:
    workspace = Workspace(LocalStore(tmp_path))
    old, new = wording(), wording(sentence="The sentence to judge")
    assert old.guideline_id != new.guideline_id
    for project_id, of in ((1, old), (2, old), (3, new)):
        noted(workspace, project_id, of)
    projects = {row.project_id: row for row in workspace.table(ANNOTATION_PROJECTS).rows()}
    assert {number: row.guideline_id for number, row in projects.items()} == {
        1: old.guideline_id, 2: old.guideline_id, 3: new.guideline_id,
    }  # fmt: skip
    kept = {row.guideline_id: row.texts for row in workspace.table(GUIDELINES).rows()}
    assert kept == {old.guideline_id: old.texts, new.guideline_id: new.texts}


def test_a_change_of_the_guidelines_says_what_and_how_to_ask_again(tmp_path: Path) -> None:
    workspace = Workspace(LocalStore(tmp_path))
    noted(workspace, 1, wording())
    assert wording_changes(workspace, "1", wording()) == []
    changed = wording(sentence="The sentence to judge")
    [line] = wording_changes(workspace, "1", changed)
    assert ": page.sentence. " in line
    assert "--again" in line
    assert wording_changes(workspace, "2", changed) == []
    [schema] = wording_changes(workspace, "1", replace(wording(), label_schema_id="other"))
    assert ": what can be answered. " in schema
