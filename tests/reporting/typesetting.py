"""A LaTeX document around tables, compiled; what its log says of their boxes."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

NEEDED = ("article.cls", "booktabs.sty", "array.sty", "graphicx.sty")
_SECONDS = 120


class Typeset(NamedTuple):
    """What a compiler made of a document.

    Attributes:
        pages: How many pages there are.
        overfull: By how many points boxes ran over, in the order of the log.
        too_large: Floats that are higher than the page.
        scaled: Tables that had to be scaled down to the text width.
    """

    pages: int
    overfull: Sequence[float]
    too_large: int
    scaled: int


def needs_latex() -> None:
    """Skips a test where a package of LaTeX is missing, with the reason."""
    if shutil.which("pdflatex") is None or shutil.which("kpsewhich") is None:
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-recommended)")
    for name in NEEDED:
        if subprocess.run(["kpsewhich", name], capture_output=True, check=False).returncode:
            pytest.skip(f"{name} is not installed (Debian: texlive-latex-recommended)")


def typeset(folder: Path, tables: Sequence[Path], options: str = "twocolumn") -> Typeset:
    """Compiles a two-column document that holds tables; an error fails the test."""
    inputs = "\n".join(rf"\input{{{table}}}" for table in tables)
    (folder / "paper.tex").write_text(
        rf"\documentclass[{options}]{{article}}"
        "\n\\usepackage{booktabs,array,graphicx}\n\\begin{document}\nText.\n"
        f"{inputs}\n\\clearpage\n\\end{{document}}\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper"],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=_SECONDS,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "max_print_line": "10000"},
    )
    log = (folder / "paper.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, log[-3000:]
    [pages] = re.findall(r"Output written on paper\.pdf \((\d+) pages?", log)
    return Typeset(
        int(pages),
        [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)],
        len(re.findall(r"Float too large", log)),
        len(re.findall(r"alignbench: scaled from", log)),
    )
