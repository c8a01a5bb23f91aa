"""The stages of questions and judgements as steps of a road, by models behind a scripted server."""

import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from alignbench.flows.imports import import_set
from alignbench.flows.questions.importing import import_questions
from alignbench.flows.questions.judge import judge
from alignbench.flows.questions.respond import respond
from alignbench.flows.questions.rewrite import rewrite
from alignbench.judging.questions.entries import Kind
from tests.flows.question_roads import by_model, entry, question, rated
from tests.flows.stage_roads import Step, flow_step
from tests.generators.endpoint.model_server import Asked, ModelServer, Reply, said
from tests.release.importers.specimens import SPECIMENS, written

QUESTION_STAGES = ["questions", "rewrite", "respond", "judge", "import"]


def question_config(server: ModelServer) -> str:
    """Returns a configuration whose models the server plays, and has the server play them.

    One call follows the other, so that each run writes as often.
    """
    url, one_by_one = server.base_url, {"start_concurrency": 1, "max_concurrency": 1}
    server.script = by_model(
        {
            "writer": lambda _: said("Cats here: count them, will you?"),
            "vlm": lambda asked: said(f"Two of {len(str(asked.body['messages']))}."),
            "critic": _judgement,
        }
    )
    return "\n".join([
        entry("captioners", "vlm", url, **one_by_one),
        entry(
            "rewriters", "writer", url, styles=["formal", "plain"], checked_by="critic",
            **one_by_one,
        ),
        entry("judges", "critic", url, **one_by_one),
        "[run]\ncommit_rows = 2\n",
    ])  # fmt: skip


def _judgement(asked: Asked) -> Reply:
    is_check = "rating" not in str(asked.body["messages"])
    return said("Yes.") if is_check else rated(1 + len(str(asked.body["messages"])) % 10)


def question_inputs(inputs: Path) -> Path:
    """Makes questions, their images and a published set in an empty folder; returns it."""
    photos = inputs / "photos"
    photos.mkdir()
    questions = [question(number) for number in range(6)]
    for number in range(3):
        Image.new("RGB", (8, 8), (number, 0, 7)).save(photos / f"{number}.png")
    (inputs / "mine.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in questions))
    published = inputs / "published"
    published.mkdir()
    written(published, "alignbench")
    return inputs


def question_steps(inputs: Path) -> Mapping[str, Step]:
    """Returns the steps that read what `question_inputs` made."""
    file, photos = inputs / "mine.jsonl", inputs / "photos"
    specimen = SPECIMENS["alignbench"]
    published = [inputs / "published" / name for name in (specimen.name, *specimen.beside)]
    return {
        "questions": lambda address: import_questions(address, Kind.OWN, file, None, photos, None),
        "rewrite": flow_step(rewrite),
        "respond": flow_step(respond),
        "judge": flow_step(judge),
        "import": lambda address: import_set(
            "alignbench", published, f"{address}/releases/set/1.0.0"
        ),
    }
