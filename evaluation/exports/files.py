"""Task files of other evaluation programs, for one release."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from alignbench.release_format.layout import DATA
from alignbench.release_format.release import Release
from alignbench.schemas.errors import UsageError
from alignbench.schemas.registry import suggestion

_UNSAFE: Final = re.compile(r"[^a-z0-9]+")


def export_task(kind: str, address: str, folder: Path) -> list[Path]:
    """Writes the task files for a release.

    Args:
        kind: `inspect_ai` or `lmms_eval`.
        address: The release: a folder, or `s3://bucket/prefix`.
        folder: Where they go; made if it is not there.

    Returns:
        The files.

    Raises:
        NotAReleaseError: There is no release at that address.
        UsageError: There is no such kind, or a file is there with something else in it.
    """
    if kind not in _KINDS:
        raise UsageError(f"There is no export {kind!r}.", suggestion(kind, sorted(_KINDS)))
    release = Release(address)
    texts = _KINDS[kind](release, _task_name(release))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise UsageError(
                f"{path} is there already, with something else in it.", "Name another folder."
            )
        path.write_text(text, encoding="utf-8")
    return [folder / name for name in texts]


def _task_name(release: Release) -> str:
    name = release.folder.name.partition("/")[0]
    return f"alignbench_{_UNSAFE.sub('_', name.lower()).strip('_') or 'release'}"


def _inspect_files(release: Release, task: str) -> dict[str, str]:
    return {
        "task.py": f'''"""A release as a task of inspect_ai: inspect eval task.py --model ..."""

from inspect_ai import Task, task

from alignbench.evaluation.exports.inspect_task import release_task

RELEASE = {release.address!r}


@task
def {task}(release: str = RELEASE, split: str | None = None) -> Task:
    """Asks how sure a model is of each sentence; the metric is AUROC."""
    return release_task(release, split, {task!r})
'''
    }


def _lmms_files(release: Release, task: str) -> dict[str, str]:
    shards = release.folder.shards
    files = [
        f"{release.address}/{path}" for path, shard in sorted(shards.items()) if shard.kind == DATA
    ]
    # Every value is written as JSON, which is YAML too.
    text = f"""task: {json.dumps(task)}
dataset_path: "parquet"
dataset_kwargs:
  data_files:
    test: {json.dumps(files)}
test_split: "test"
output_type: "generate_until"
process_docs: !function utils.process_docs
doc_to_visual: !function utils.doc_to_visual
doc_to_text: !function utils.doc_to_text
doc_to_target: !function utils.doc_to_target
process_results: !function utils.process_results
generation_kwargs:
  max_new_tokens: 512
  temperature: 0
  do_sample: false
metric_list:
  - metric: "alignbench_auroc"
    aggregation: !function utils.auroc
    higher_is_better: true
  - metric: "alignbench_scored"
    aggregation: !function utils.scored
    higher_is_better: true
metadata:
  - version: 1.0
"""
    return {f"{task}.yaml": text, "utils.py": _LMMS_UTILS}


_LMMS_UTILS: Final = '''"""What the task file beside this one names."""

from alignbench.evaluation.exports.lmms_task import (  # noqa: F401
    auroc,
    doc_to_target,
    doc_to_text,
    doc_to_visual,
    process_docs,
    process_results,
    scored,
)
'''

_KINDS: Final[dict[str, Callable[[Release, str], dict[str, str]]]] = {
    "inspect_ai": _inspect_files,
    "lmms_eval": _lmms_files,
}
