"""The demo, start to end: what an operator, three annotators and a researcher would do."""

import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Final

from alignbench import services
from alignbench.demo.errors import NobodyAnsweredError, UnsoundDemoError
from alignbench.demo.questions import FOLDER as QUESTIONS
from alignbench.demo.questions import run_questions
from alignbench.schemas.configuration.config import parse_config
from alignbench.schemas.errors import UsageError
from alignbench.terminal.context import Context, use_only_local_services
from alignbench.terminal.output import TerminalProgress, print_table, say
from alignbench.workspace.workspace import CONFIG_KEY, open_store

DETECTORS: Final = {
    "clip": "clip:repo=package:scenes/weights/scenes-clip,name=clip",
    "clip4dm": "clip4dm:repo=package:scenes/weights/scenes-clip,name=clip4dm",
    "sentence_length": "sentence_length",
}
"""Those whose model comes along, or that need none, as `--detector` takes them."""

REPORT: Final = "report.html"


def run_demo(workspace: str, *, annotate_yourself: bool, keep_services: bool) -> None:
    """Builds, annotates, releases and verifies a small benchmark.

    Run again, it continues where it stopped; nothing is done twice.

    Args:
        workspace: The folder it is built in.
        annotate_yourself: Stop after the push until a person has answered.
        keep_services: Leave the servers running, so that their pages can be looked at.

    Raises:
        AlignBenchError: Something it needs is missing or refused.
    """
    started = time.monotonic()
    root = Context(workspace).folder.resolve()
    say(f"1. A workspace with sample photographs and captions, drawn scenes and prompts: {root}")
    _prepare(root)
    say("2. A Prefect server and a Label Studio (its first start takes most of a minute)")
    states = services.up(root)
    for state in states:
        say(f"   {state.name}: {state.url}")
    try:
        _build_and_release(root, annotate_yourself)
    except BaseException:
        say(f"The servers are still running; to stop them: alignbench -C {root} services down")
        raise
    _show_result(root, time.monotonic() - started, keep_services)
    if not keep_services:
        services.down(root)


def _prepare(root: Path) -> None:
    from alignbench.demo.inputs import lay_out

    ours = (files("alignbench.demo") / "alignbench.toml").read_bytes()
    store = open_store(root)
    if not store.create(CONFIG_KEY, ours) and store.read(CONFIG_KEY) != ours:
        raise UsageError(
            f"{root} is another workspace, not the demo's.",
            "Name another folder: alignbench -C my-demo demo.",
        )
    lay_out(root)


def _build_and_release(root: Path, annotate_yourself: bool) -> None:
    use_only_local_services(Context(str(root)))
    from alignbench.flows.build import build
    from alignbench.flows.label import label
    from alignbench.flows.pull import pull
    from alignbench.flows.release import release
    from alignbench.flows.runs.orchestration import run_flow
    from alignbench.flows.runs.watching import shown_by

    address = str(root)
    with shown_by(TerminalProgress()):
        say("3. From images and prompts to tasks: ingest, prompts, caption, imagine, split, push")
        if not annotate_yourself:
            _make_accounts(address)  # whoever has one when sentences are sent gets a share of them
        run_flow(build, workspace=address)
        if annotate_yourself:
            _wait_for_a_person(root)
        else:
            _let_annotators_answer(address)
        say("5. From answers to a release: pull, label, release")
        for flow in (pull, label, release):
            run_flow(flow, workspace=address)
        say(f"6. Detectors that run anywhere score the release: {', '.join(DETECTORS)}")
        _evaluate(_release_folder(root))
        say("7. Questions about drawn scenes: rewritten, answered, judged, and rated by people")
        run_questions(root)


def _evaluate(release: Path) -> None:
    from alignbench.evaluation.chosen_detectors.entries import parse_detector
    from alignbench.flows.evaluate import evaluate

    evaluate(str(release), [parse_detector(text) for text in DETECTORS.values()])


def _release_folder(root: Path) -> Path:
    named = parse_config((root / CONFIG_KEY).read_text(encoding="utf-8"), CONFIG_KEY).release
    return root / "releases" / named.name / named.version


def _make_accounts(address: str) -> dict[str, str]:
    """Returns the tokens of the simulated annotators, who have accounts then."""
    from alignbench.demo.annotators import accounts
    from alignbench.flows.asking.label_studio import annotation_server
    from alignbench.flows.runs.run import open_run

    server = annotation_server(open_run(address))
    return accounts(server, Path(address) / "services" / "label-studio")


def _let_annotators_answer(address: str) -> None:
    from alignbench.demo.annotators import PROFILES, answer_everything
    from alignbench.flows.asking.label_studio import annotation_server
    from alignbench.flows.pull import pull
    from alignbench.flows.runs.run import open_run
    from alignbench.flows.runs.watching import run_watcher

    say(f"4. Three simulated annotators answer as {', '.join(PROFILES)}")
    run = open_run(address)
    pull.fn(workspace=address)  # what an earlier demo, cut short, had answered
    tokens = _make_accounts(address)
    count = answer_everything(run.workspace, annotation_server(run), tokens, run_watcher())
    say(f"   {count:,} answers")


def _wait_for_a_person(root: Path) -> None:
    connection = services.label_studio_connection(root)
    credentials = services.read_credentials(root)
    if credentials is None:
        raise AssertionError("a server that runs has credentials")
    say("4. Your turn")
    say(f"   Open {connection.url} and log in:")
    say(f"     email     {credentials.username}")
    say(f"     password  {credentials.password}")
    say("   Open the project, press 'Label All Tasks', and answer as many sentences as you like.")
    say("   Press Enter here to continue with what you have answered.")
    while sys.stdin.readline():
        if _has_answers(root):
            return
        say("   No answer has arrived yet: submit one, then press Enter.")
    raise NobodyAnsweredError(
        "Nobody answered a sentence.",
        f"Run 'alignbench -C {root} demo' again to continue from here.",
    )


def _has_answers(root: Path) -> bool:
    from alignbench.flows.pull import pull
    from alignbench.flows.runs.orchestration import run_flow
    from alignbench.schemas.tables import ANNOTATIONS
    from alignbench.workspace.workspace import open_workspace

    run_flow(pull, workspace=str(root))
    return open_workspace(root).table(ANNOTATIONS).count() > 0


def _show_result(root: Path, seconds: float, services_run: bool) -> None:
    from alignbench.flows.status import workspace_status
    from alignbench.release.verify.verify import verify

    folder = _release_folder(root)
    report = verify(folder)
    say(f"8. Verified from the release alone: {'sound' if not report.findings else 'NOT sound'}\n")
    counts = workspace_status(str(root)).counts
    print_table(
        ["stage", "source or model", "done", "pending", "failed"],
        [(item.stage, item.scope, item.done, item.pending, item.failed) for item in counts],
    )
    say(f"\nReleased in {seconds:.0f} s: {folder}")
    say("Load it:\n")
    say("    from datasets import load_dataset")
    say(f'    data = load_dataset("{folder}", "all", split="test")')
    say('    print(data[0]["caption"], data[0]["annotation"], data[0]["error_spans"])\n')
    evaluation = root / "evaluations" / folder.parent.name / folder.name
    say(f"The detectors' report: {evaluation / REPORT}")
    say(f"The questions' report: {root / QUESTIONS / 'evaluations/questions' / REPORT}\n")
    if services_run:
        connection = services.label_studio_connection(root)
        say(f"Label Studio: {connection.url}")
        say(f"Prefect:      {services.prefect_api_url(root) or ''}".removesuffix("/api"))
        say(f"Its login:    alignbench -C {root} services status --login")
        say(f"Stop both:    alignbench -C {root} services down")
    if report.findings:
        raise UnsoundDemoError(
            f"The release has {len(report.findings)} findings.",
            f"See 'alignbench verify {folder}'.",
        )
