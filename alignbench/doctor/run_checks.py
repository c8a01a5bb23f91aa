"""The checks of `alignbench doctor` that try what the stages will need.

Nothing is made and nothing is paid for: a source is asked for its first image, a model server for
the list of its models.
"""

import json
import os
import shutil
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from alignbench.annotation.label_studio.texts.annotator_texts import annotator_texts
from alignbench.annotation.rounds.gold import parsed_gold
from alignbench.doctor.check_result import CheckResult, results_or_failure
from alignbench.doctor.machine_checks import nearest_that_exists
from alignbench.flows.generation.untaken_captions import untaken_captions
from alignbench.flows.runs.run import Run, open_run
from alignbench.flows.selected.chat_models import check_chats
from alignbench.flows.selected.generators import SelectedGenerator, planned_generators
from alignbench.flows.selected.judges import planned_judges
from alignbench.flows.selected.model_checks import unchecked_models
from alignbench.flows.selected.rewriters import planned_rewriters
from alignbench.flows.status import stage_counts
from alignbench.models.endpoint.content_encoding import Body, PackedBodyError, TooMuchError
from alignbench.models.endpoint.key import ApiKey
from alignbench.models.endpoint.options import EndpointOptions
from alignbench.schemas.configuration.plugin_sections import PromptsConfig, SourceConfig
from alignbench.schemas.errors import AlignBenchError
from alignbench.schemas.protocols import ItemFailureAt, PromptWriter
from alignbench.schemas.registry import Group, find
from alignbench.schemas.tables import IMAGES
from alignbench.schemas.vocabulary import Direction, StageName
from alignbench.workspace.stores.local import LocalStore
from alignbench.workspace.stores.store import ObjectInfo

if TYPE_CHECKING:
    import httpx

_ANSWER_SECONDS: Final = 5.0
_MOST_LISTED_BYTES: Final = 4 << 20
_MOST_COUNTED: Final = 50_000
"""Of a source, so many images are counted; further ones take too long."""
_SAMPLE: Final = 500
_IMAGE_BYTES: Final = 500_000
"""Of an image, where none is there to go by."""
_SPARE: Final = 1.2


def first_stages(address: str) -> Iterator[CheckResult]:
    """Tries all that a workspace's configuration names, and the room for what is planned."""
    run = open_run(address)
    for source in run.config.sources:
        yield from results_or_failure(f"source {source.name}", partial(_source, run, source))
    for prompts in run.config.prompts:
        yield from results_or_failure(f"prompts {prompts.name}", partial(_prompts, run, prompts))
    for direction in Direction:
        for selected in planned_generators(run, direction):
            check = f"model {selected.config.name}"
            yield from results_or_failure(check, partial(_model, run, selected, check))
    for name, models in (("rewriters", _rewriters), ("judges", _judges)):
        yield from results_or_failure(name, partial(models, run))
    yield from results_or_failure("captions", partial(_captions, run))
    yield from results_or_failure("annotators' texts", partial(_texts, run))
    yield from results_or_failure("gold", partial(_gold, run))
    yield from results_or_failure("room", partial(_room, run))


def _source(run: Run, config: SourceConfig) -> Iterator[CheckResult]:
    check = f"source {config.name}"
    source = find(Group.SOURCES, config.kind)(config.options(), run.surroundings(config.name))
    first = next(iter(source.items()), None)
    if first is None:
        yield CheckResult(check, "missing", "it holds no image", "Put images there, or correct it.")
    elif isinstance(first, ItemFailureAt):
        found = f"its first entry cannot be used: {first.locator}: {first.failure.message}"
        yield CheckResult(check, "note", found, "Correct it; the others are taken all the same.")
    else:
        yield CheckResult(check, "ok", f"begins with {first.image_name}")


def _prompts(run: Run, config: PromptsConfig) -> Iterator[CheckResult]:
    check = f"prompts {config.name}"
    options = config.options()
    source = find(Group.PROMPT_SOURCES, config.kind)(options, run.surroundings(config.name))
    if isinstance(options, EndpointOptions):
        yield from _server(check, options, getattr(options, "model", ""))
    elif isinstance(source, PromptWriter) or next(iter(source.prompts()), None) is not None:
        yield CheckResult(check, "ok", "can be read")
    else:
        yield CheckResult(check, "missing", "there is no prompt in it", "Write some, one a line.")


def _model(run: Run, selected: SelectedGenerator, check: str) -> Iterator[CheckResult]:
    find(selected.group, selected.config.backend)  # says which extra is missing, if one is
    options = selected.config.options(selected.group)
    if isinstance(options, EndpointOptions):
        yield from _server(check, options, selected.row.repo)
        return
    unchecked = unchecked_models(run.workspace.store, [selected.row])
    if unchecked:
        fix = f"alignbench models --check {selected.config.name}"
        yield CheckResult(check, "note", "it was never checked at this revision", fix)
    else:
        yield CheckResult(check, "ok", f"{selected.config.backend} {selected.row.repo}")


def _rewriters(run: Run) -> Iterator[CheckResult]:
    """Tries who writes; who checks is another entry of the configuration."""
    check_chats(run.config.rewriters, "rewriters")
    for rewriter in planned_rewriters(run):
        check = f"rewriter {rewriter.config.name}"
        yield from results_or_failure(check, partial(_model, run, rewriter.writer, check))


def _judges(run: Run) -> Iterator[CheckResult]:
    """Tries judges, with their rubrics and the file of tasks."""
    check_chats(run.config.judges, "judges")
    for judge in planned_judges(run):
        check = f"judge {judge.config.name}"
        yield from results_or_failure(check, partial(_model, run, judge.model, check))


def _texts(run: Run) -> Iterator[CheckResult]:
    settings = run.config.annotation
    languages = sorted({settings.language, *settings.languages.values()})
    for language in languages:
        annotator_texts(language, run.folder)
    yield CheckResult("annotators' texts", "ok", ", ".join(languages))


def _gold(run: Run) -> Iterator[CheckResult]:
    path = run.config.annotation.gold
    if path is not None:
        count = len(parsed_gold(run.folder / path))
        yield CheckResult("gold", "ok", f"{count:,} lines can be read; 'push' compares them")


def _captions(run: Run) -> Iterator[CheckResult]:
    for untaken in untaken_captions(run):
        yield CheckResult("captions", "note", untaken.what, untaken.fix)


def _server(check: str, options: EndpointOptions, model: str) -> Iterator[CheckResult]:
    """Asks a model server for its models: whether it answers, takes the key, has the model."""
    import httpx

    key = ApiKey(options)
    url = f"{options.base_url.rstrip('/')}/models"
    headers = {"Accept-Encoding": "identity", **key.headers()}
    trust_env = not options.is_private
    try:
        with httpx.stream(
            "GET", url, headers=headers, timeout=_ANSWER_SECONDS, trust_env=trust_env
        ) as answer:
            listed = _listed(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        found = f"{options.base_url} does not answer ({type(error).__name__})"
        yield CheckResult(check, "missing", found, "Start the server, or correct base_url.")
        return
    if answer.status_code in (401, 403):
        found = f"{options.base_url} does not accept the key (HTTP status {answer.status_code})"
        fix = f"Set {options.api_key_env} to a key of that server."
        yield CheckResult(check, "missing", found, fix)
    elif answer.status_code == httpx.codes.OK and model in listed:
        yield CheckResult(check, "ok", f"{options.base_url} serves {model}")
    elif answer.status_code == httpx.codes.OK and listed:
        found = f"{options.base_url} answers, and does not list {model!r}"
        yield CheckResult(check, "note", found, f"Set repo to one of {url}, if this one fails.")
    else:
        found = f"{options.base_url} answers, and gives no list of its models"
        fix = f"Try it with one item: --limit 1 (HTTP status {answer.status_code} for {url})."
        yield CheckResult(check, "note", found, fix)


def _listed(answer: "httpx.Response") -> set[str]:
    """Reads the list of models, within a bound: who answers at an address is not known."""
    try:
        content = Body(answer.headers.get("content-encoding", ""), _MOST_LISTED_BYTES)
        for piece in answer.iter_raw():
            content.add(piece)
        body = json.loads(content.whole())
    except (ValueError, RecursionError, TooMuchError, PackedBodyError):
        return set()
    entries = body.get("data") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return set()
    return {str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry}


class _Planned(NamedTuple):
    """How many images are to come, and whether there may be more than were counted."""

    images: int
    at_least: bool


def _room(run: Run) -> Iterator[CheckResult]:
    """Compares what is planned with the free bytes and inodes of a local workspace."""
    store = run.workspace.store
    if not isinstance(store, LocalStore):
        return
    planned = _planned(run)
    size = _mean_size(run)
    here = nearest_that_exists(store.root)
    disk = os.statvfs(here)
    needed, free = planned.images * size * _SPARE, shutil.disk_usage(here).free
    plan = f"{'at least ' if planned.at_least else ''}{planned.images:,} images to come"
    if needed > free:
        found = f"{plan} need about {needed / 1e9:.1f} GB at {here}, and {free / 1e9:.1f} are free"
        yield CheckResult("room", "missing", found, "Free up space, or plan fewer.")
    elif disk.f_files and planned.images * _SPARE > disk.f_favail:
        found = f"{plan} need as many inodes at {here}, and {disk.f_favail:,} are free"
        yield CheckResult("room", "missing", found, "Use a file system with more inodes, or S3.")
    else:
        yield CheckResult("room", "ok", f"{plan}, about {needed / 1e9:.1f} GB")


def _planned(run: Run) -> _Planned:
    counts = [_counted(run, source) for source in run.config.sources]
    there = run.workspace.table(IMAGES).count()
    made = _to_be_imagined(run)
    at_least = any(count >= _MOST_COUNTED for count in counts)
    return _Planned(max(0, sum(counts) - there) + made, at_least)


def _to_be_imagined(run: Run) -> int:
    try:
        return sum(count.pending for count in stage_counts(run.workspace.url, StageName.IMAGINE))
    except AlignBenchError:
        return 0  # the model's own check says why


def _counted(run: Run, config: SourceConfig) -> int:
    try:
        source = find(Group.SOURCES, config.kind)(config.options(), run.surroundings(config.name))
        return sum(1 for _ in islice(source.items(), _MOST_COUNTED))
    except (AlignBenchError, OSError, ValueError):
        return 0  # its own check says why


def _mean_size(run: Run) -> float:
    some: list[ObjectInfo] = list(islice(run.workspace.store.list("blobs/images"), _SAMPLE))
    return sum(info.size for info in some) / len(some) if some else float(_IMAGE_BYTES)
