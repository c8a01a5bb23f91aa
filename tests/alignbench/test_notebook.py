"""The notebook of the documentation runs from its first cell to its last."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
WHERE = Path("demo-workspace", "releases", "demo", "1.0.0")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, released: Path, tmp_path: Path) -> None:
    (tmp_path / WHERE.parent).mkdir(parents=True)
    (tmp_path / WHERE).symlink_to(released)
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "It is kept without outputs."
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=240, kernel_name="python3", resources=resources).execute()
    shown = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    assert any("image/svg+xml" in out.get("data", {}) for out in shown)
    assert any("True 20 sentences 48 votes" in out.get("text", "") for out in shown)
    assert (tmp_path / "report" / "report.html").is_file()
