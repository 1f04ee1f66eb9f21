"""The tour, executed from its first cell to its last in a kernel of its own; and that its file holds nobody's data."""

import json
import pathlib
import re
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from pipeline.datasets import movielens
from schemas.errors import DataError

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOUR = ROOT / "notebooks" / "tour.ipynb"
_CELL = 300  # seconds for one cell, on a busy machine

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def written():
    return nbformat.read(TOUR, as_version=4)


@pytest.fixture(scope="module")
def executed(written, tmp_path_factory):
    """The notebook with its outputs, and the output root that it left."""
    try:
        movielens.ensure()
    except DataError:
        pytest.skip("MovieLens-100K can't be fetched from here")
    folder = tmp_path_factory.mktemp("tour")
    spec = folder / "kernels" / "tour" / "kernel.json"
    spec.parent.mkdir(parents=True)
    told = {"SEQRANK_TOUR": str(folder / "runs"), "IPYTHONDIR": str(folder / "ipython")}
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "tour", "language": "python", "env": told}))
    notebook = nbformat.from_dict(written)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))  # where the kernel above is found
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        where = {"metadata": {"path": str(TOUR.parent)}}
        NotebookClient(notebook, timeout=_CELL, kernel_name="tour", resources=where).execute()  # raises if a cell does
    return notebook, folder / "runs"


def _shown(*cells):
    """What cells put out, printed or shown, whatever its media type, as one text."""
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return "\n".join(output.get("text", "") + "".join(map(str, output.get("data", {}).values())) for output in outputs)


def test_every_cell_runs_and_the_end_shows_a_pushed_model_and_where_it_is_from(executed):
    notebook, runs = executed
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in codes)
    assert [output for cell in codes for output in cell.outputs if output.output_type == "error"] == []
    (model,) = runs.glob("serving/tour/*/saved_model.pb")
    assert f"Pushed: {model.parent}" in _shown(*codes[-3:])
    lineage = re.sub(r"<[^>]+>", "", _shown(codes[-1]))
    assert [each for each in ("made by Pusher", "made by Trainer", "interactions.csv") if each not in lineage] == []


def test_nothing_that_is_shown_is_loaded_from_outside(executed):
    notebook, _ = executed
    shown = _shown(*notebook.cells)
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:)?//[^"' )]*""", shown, re.IGNORECASE) == []
    assert re.findall(r"(?:import|fetch|require)\W{1,3}(?:https?:)?//\S*", shown) == []


def test_no_cell_names_an_address_or_installs_anything(written):
    source = "\n".join(cell.source for cell in written.cells)
    assert re.findall(r"\w+://|^\s*[!%].*|\b(?:requests|urllib|httpx|wget|curl|pip)\b", source, re.MULTILINE) == []


def test_keras_2_is_chosen_before_anything_else_is_imported(written):
    first = next(cell.source for cell in written.cells if cell.cell_type == "code")
    chosen = first.index('os.environ["TF_USE_LEGACY_KERAS"] = "1"')
    assert set(re.findall(r"^(?:import|from) (\S+)", first[:chosen], re.MULTILINE)) <= {"os", "pathlib", "sys"}


def test_the_file_is_kept_without_outputs(written):
    codes = [cell for cell in written.cells if cell.cell_type == "code"]
    assert codes
    assert [cell.outputs for cell in codes if cell.outputs or cell.execution_count is not None] == []
