"""The notebooks: prose and thin cells, no outputs in the repository, and they run from top to bottom on the demo."""

from __future__ import annotations

import ast
import json
import re
import warnings

import nbformat
import pytest

from musicdb import assets, demo, lab
from musicdb.widgets import SCREENS

NOTEBOOKS = sorted(assets.path("notebooks").glob("*.ipynb"))
WIDGETS = "application/vnd.jupyter.widget-state+json"
HEAVY = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.If, ast.Try, ast.With,
         ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp)  # fmt: skip


def named(path) -> str:
    return path.name


def test_there_are_notebooks():
    assert "01-import.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_committed_notebooks_hold_no_outputs_and_are_valid(path):
    notebook = json.loads(path.read_text("utf-8"))
    nbformat.validate(notebook)
    for cell in notebook["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None and cell["metadata"] == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_cells_are_thin_and_introduced_by_prose(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    assert cells[0]["cell_type"] == "markdown" and "".join(cells[0]["source"]).startswith("# ")
    prose = sum(cell["cell_type"] == "markdown" for cell in cells)
    assert prose >= len(cells) / 3
    for cell in cells:
        if cell["cell_type"] == "code":
            source = "".join(cell["source"])
            tree = ast.parse("" if source.startswith("%%") else re.sub(r"(?m)^%.*", "", source))
            found = [type(node).__name__ for node in ast.walk(tree) if isinstance(node, HEAVY)]
            assert not found and len(source.splitlines()) <= 10, source
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert sum("musicdb.open(DB)" in cell for cell in code) == 1 and len(re.findall(r"^DB = ", "\n".join(code), re.M)) == 1


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return demo.run(tmp_path_factory.mktemp("demo") / "lib").inputs.database


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_it_runs_from_top_to_bottom_on_the_demo(path, library, tmp_path, monkeypatch):
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("JUPYTER_PATH", str(lab.kernel(tmp_path)))
    monkeypatch.setenv("MUSICDB_DB", str(library))
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the notebook machinery, not of the cells
        from nbclient import NotebookClient

        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    said = [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]
    assert not [text for text in said if "Warning" in text], said
    screens = [model["state"] for model in notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {}).values()]
    lines = [state["status"] for state in screens if "status" in state]
    assert lines and not [line for line in lines if line.get("level") == "error"]
    if path.name.startswith("01"):
        pages = "".join(output.data.get("text/html", "") for output in outputs if "data" in output)
        pictures = [output for output in outputs if "data" in output and "image/jpeg" in output.data]
        assert pages.count("<img") >= 12 and pictures, "covers are shown"


def test_every_screen_is_in_a_notebook_and_every_notebook_says_what_comes_next():
    pages = {path.name: "".join("".join(cell["source"]) for cell in json.loads(path.read_text("utf-8"))["cells"]) for path in NOTEBOOKS}
    assert not [name for name in SCREENS if not any(f"musicdb.{name}(" in page for page in pages.values())]
    assert not [name for name, page in pages.items() if "Next: " not in page]
