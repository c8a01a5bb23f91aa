"""Every stable code of the project, found in its code, and the page that lists them."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from enum import Enum
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import alignbench
from alignbench.schemas.errors import AlignBenchError

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "schemas", "workspace", "models", "engine", "generators", "scenes", "annotation", "release",
    "release_format", "reporting", "evaluation", "judging", "flows", "alignbench",
)  # fmt: skip
CODE = re.compile(r"AB-[CWGAREFS]\d\d")
SECTIONS = {
    "C": "Configuration",
    "W": "Workspace",
    "G": "Sources and generators",
    "A": "Annotation",
    "R": "Labels and release",
    "E": "Evaluation",
    "F": "Runs",
    "S": "Command line and services",
}
RETIRED = {
    "AB-A17": "A project for each annotator was asked for, and there was none: push says so.",
    "AB-E01": "There was no release with Parquet files at an address: `AB-R05` now.",
    "AB-E04": "A detector failed on all of the first sentences: `AB-F02` now.",
    "AB-E06": "A detector gave another number of scores than it was asked for: `AB-F09` now.",
    "AB-E22": "A detector failed with an error that it did not foresee: `AB-F03` now.",
}
"""Codes that nothing has any more, and nothing may have again."""

HEAD = """\
# Error codes

Every error that AlignBench reports begins with one of these codes, says what went wrong with which
item, and what to do about it. A code never changes its meaning. Codes without an exit code are
reasons of single items: they stand in the tables `failures` and `quarantine`, and do not end a run.
"""


class Code(NamedTuple):
    """A stable code.

    Attributes:
        code: Such as `AB-W01`.
        name: The class, enum member or constant that has it.
        meaning: What it stands for, in a sentence or two.
        exit_code: What the command line exits with; None where a code belongs to an item.
    """

    code: str
    name: str
    meaning: str
    exit_code: int | None


def source_files() -> Iterator[Path]:
    """Yields every Python file of the packages."""
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def modules() -> Iterator[ModuleType]:
    """Yields every module of the packages, but those that need what is not installed."""
    for info in pkgutil.walk_packages(alignbench.__path__, prefix="alignbench."):
        if info.name.endswith("__main__"):
            continue
        try:
            yield importlib.import_module(info.name)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == "alignbench":
                raise


def error_classes() -> list[type[AlignBenchError]]:
    """Returns the errors of all modules that can be imported, by code."""
    loaded = {module.__name__ for module in modules()}
    found: list[type[AlignBenchError]] = []
    waiting = AlignBenchError.__subclasses__()
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if error.__module__ in loaded:
            found.append(error)
    return sorted(set(found), key=lambda error: (error.code, error.__qualname__))


def all_codes() -> list[Code]:
    """Returns the codes of errors, of enums of item codes, and of documented constants."""
    codes = [
        Code(error.code, error.__name__, _first_paragraph(error), error.exit_code)
        for error in error_classes()
    ]
    for module in modules():
        for value in vars(module).values():
            is_enum = inspect.isclass(value) and issubclass(value, Enum)
            if is_enum and value.__module__ == module.__name__:
                codes += _members(value)
    for path in source_files():
        codes += _constants(path)
    return sorted(codes)


def page() -> str:
    """Returns `docs/errors.md`."""
    lines = [HEAD]
    for letter, title in SECTIONS.items():
        codes = [code for code in all_codes() if code.code[3] == letter]
        if not codes:
            continue
        lines += [f"## {title}", "", "| code | meaning | exit code |", "|---|---|---|"]
        for code in codes:
            exits = "" if code.exit_code is None else str(code.exit_code)
            lines.append(f"| `{code.code}` | {code.meaning} | {exits} |")
        lines.append("")
    lines += ["## Retired", "", "Earlier versions reported these; they are not used again.", ""]
    lines += ["| code | meaning |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in sorted(RETIRED.items())]
    return "\n".join([*lines, ""])


def _first_paragraph(error: type[AlignBenchError]) -> str:
    text = inspect.cleandoc(error.__doc__ or "").partition("\n\n")[0]
    return " ".join(text.split())


def _members(enum: type[Enum]) -> Iterator[Code]:
    for member in enum:
        meaning = getattr(member, "meaning", None)
        if meaning and isinstance(member.value, str) and CODE.fullmatch(member.value):
            yield Code(member.value, member.name, meaning, None)


def _constants(path: Path) -> Iterator[Code]:
    """Yields constants and enum members that a string after them explains."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for body in (tree.body, *(node.body for node in classes)):
        for node, after in pairwise(body):
            match node, after:
                case (
                    ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(code))),
                    ast.Expr(value=ast.Constant(value=str(meaning))),
                ) if CODE.fullmatch(code):
                    yield Code(code, name, " ".join(meaning.split()), None)
