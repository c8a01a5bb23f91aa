"""Roads in this process: what each stage finds in a workspace, and what it leaves there."""

import functools
import hashlib
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from PIL import Image

from alignbench.annotation.sentences import boundary_model
from alignbench.evaluation.evaluate import Settings
from alignbench.flows.caption import caption
from alignbench.flows.evaluate import evaluate
from alignbench.flows.imagine import imagine
from alignbench.flows.ingest import ingest
from alignbench.flows.label import label
from alignbench.flows.prompts import prompts
from alignbench.flows.release import release
from alignbench.flows.runs.orchestration import run_flow
from alignbench.flows.split import split
from alignbench.schemas.rows.annotation import Annotation
from alignbench.schemas.tables import ANNOTATIONS, SENTENCES
from alignbench.schemas.vocabulary import Verdict
from alignbench.workspace.tables.compact import compact
from alignbench.workspace.workspace import open_store, open_workspace
from tests.fixtures.s3 import objects_below, put_objects
from tests.flows.letter_captioner import registered
from tests.flows.roads import contents
from tests.release.benchmark import vote

CONFIG = """
[[sources]]
name = "photos"
kind = "folder"
path = "{folder}/photos"
[[prompts]]
name = "list"
kind = "file"
path = "{folder}/prompts.txt"
[[captioners]]
name = "letters"
backend = "letters"
[[image_generators]]
name = "painter"
backend = "letters"
[release]
figures = false
[run]
commit_rows = 2
"""

Step = Callable[[str], object]
State = Mapping[str, object]


def answers_come_in(address: str) -> None:
    """Writes votes on every sentence, the same in each workspace."""
    workspace = open_workspace(address)
    rows: list[Annotation] = []
    for number, sentence in enumerate(
        sorted(workspace.table(SENTENCES).rows(), key=lambda row: row.sentence_id)
    ):
        verdict = Verdict.UNKNOWN if number == 1 else Verdict.CORRECT
        rows += [vote(sentence, who, verdict) for who in ("a", "b")]
    workspace.table(ANNOTATIONS).append(rows, "test")


def compact_all(address: str) -> None:
    """Merges the parts of every table."""
    for table in open_workspace(address).tables():
        compact(table)


def evaluate_first_release(address: str) -> None:
    """Scores the release, in the workspace if it is a folder."""
    where = f"{address}/releases/benchmark/1.0.0"
    beside = None if not address.startswith("s3://") else Path.cwd() / address.rpartition("/")[2]
    evaluate(where, "sentence_length", beside, Settings(figures=False))


def flow_step(flow: Any) -> Step:
    """Returns the step that is a stage's flow."""
    return lambda address: run_flow(flow, address)


STEPS: dict[str, Step] = {
    "ingest": flow_step(ingest),
    "prompts": flow_step(prompts),
    "caption": flow_step(caption),
    "imagine": flow_step(imagine),
    "split": flow_step(split),
    "answers": answers_come_in,
    "label": flow_step(label),
    "release": flow_step(release),
    "evaluate": evaluate_first_release,
    "compact": compact_all,
}
STAGES = [name for name in STEPS if name != "answers"]


class Place(Protocol):
    """Where workspaces are."""

    def new(self) -> str:
        """Returns an address at which nothing is yet."""
        ...

    def copied(self, address: str) -> str:
        """Returns the address of a copy of a workspace."""
        ...


class Folders:
    """Workspaces in folders of their own."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def new(self) -> str:
        folder = self._root / uuid.uuid4().hex
        folder.mkdir()
        return str(folder)

    def copied(self, address: str) -> str:
        copy = self.new()
        shutil.copytree(address, copy, dirs_exist_ok=True)
        return copy


class Buckets:
    """Workspaces in buckets of their own, copied without any proxy between.

    The server of the tests looks through a whole bucket at each listing, whatever its prefix.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def new(self) -> str:
        name = uuid.uuid4().hex
        self._client.create_bucket(Bucket=name)
        return f"s3://{name}/{name}"

    def copied(self, address: str) -> str:
        copy = self.new()
        old, new = (where.rpartition("/")[2] for where in (address, copy))
        there = objects_below(old, old)
        put_objects(new, new, {k: v for k, v in there.items() if "locks/" not in k})
        return copy


class Road:
    """A workspace that went through all steps once, and copies of it from before each step.

    Attributes:
        place: Where its workspaces are.
        whole: What is there after each step, if nothing goes wrong.
        counts: What `counted` returned after each step.
    """

    def __init__(
        self,
        place: Place,
        start: str,
        steps: Mapping[str, Step],
        counted: Callable[[], int],
    ) -> None:
        self.place = place
        self._steps = steps
        self._before: dict[str, str] = {}
        self.whole: dict[str, State] = {}
        self.counts: dict[str, int] = {}
        for name, step in steps.items():
            self._before[name] = place.copied(start)
            counted()
            step(start)
            self.counts[name] = counted()
            self.whole[name] = state(start)

    def before(self, name: str) -> str:
        """The address of a workspace to which only that step has not been."""
        return self.place.copied(self._before[name])

    def run(self, name: str, address: str) -> object:
        """Does a step."""
        return self._steps[name](address)


def state(address: str) -> State:
    """What a workspace holds that a reader could see: tables, and files of releases."""
    if address.startswith("s3://"):  # one of the server in this process
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        with tempfile.TemporaryDirectory() as folder:
            for key, data in objects_below(bucket, prefix).items():
                path = Path(folder, key)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            return state(folder)
    store = open_store(address)
    released = {
        info.key: hashlib.sha256(store.read(info.key)).hexdigest()
        for info in store.list("releases")
        if "/locks/" not in info.key
    }
    # How long a score took, and where its release lies, differ from workspace to workspace.
    return {**contents(address, without=("seconds", "release")), "releases": released}


def fill_inputs(folder: Path) -> str:
    """Makes photographs and prompts; returns the configuration that reads them."""
    (folder / "photos").mkdir()
    for number in range(3):
        Image.new("RGB", (4, 3), (number, 0, 7)).save(folder / "photos" / f"{number}.png")
    (folder / "prompts.txt").write_text("A red cat.\nA blue dog sits. It barks.\n")
    return CONFIG.format(folder=folder)


@contextmanager
def without_waiting() -> Iterator[pytest.MonkeyPatch]:
    """Lets the registry find the models of this road, and lets nothing wait between attempts."""

    def at_once(**_: object) -> Callable[[object], float]:
        return lambda _: 0.0

    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.MonkeyPatch.context() as plugins,
        registered(plugins),
    ):
        patch.setattr("alignbench.engine.lease.wait_random_exponential", at_once)
        # A stage is run hundreds of times in this process.
        patch.setattr(boundary_model, "_load", functools.cache(boundary_model._load))
        yield patch


def moments(calls: int, most: int) -> Sequence[int]:
    """So many calls, spread over all."""
    return sorted({round(step * (calls - 1) / max(1, most - 1)) for step in range(most)})
