"""Rules on the tree itself that no linter of ours keeps."""

import ast
import json
import pathlib
import statistics
import subprocess
import sys

import grimp
import pytest

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("pipeline", "components", "inspection", "serving", "ranker", "schemas")
FOLDERS = (*PACKAGES, "tests", "scripts", "benchmarks", "deploy", "docs", "configs", ".ci", ".github")
HEAVY = ("tensorflow", "tfx", "apache_beam")
MOST_LINES = 300
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".pbtxt", ".lock", ".cfg", ".sh", ""}


def files(*folders):
    found = [path for path in ROOT.iterdir() if path.is_file()] if "." in folders else []
    found += [path for folder in folders if folder != "." for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [path for path in found if "__pycache__" not in path.parts and path.suffix in TEXT]


def sources(*folders):
    return [path for path in files(*folders) if path.suffix == ".py"]


def lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


def modules():
    """Dotted names of all modules of ours."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sources(*PACKAGES)]
    return [name.removesuffix(".__init__") for name in names]


def test_no_source_file_is_longer_than_one_can_keep_in_mind():
    long = {str(path.relative_to(ROOT)): lines(path) for path in sources(*FOLDERS) if lines(path) > MOST_LINES}
    assert long == {}


def test_functions_fit_a_screen():
    lengths = [
        node.end_lineno - node.body[0].lineno + 1  # of the body, its docstring included
        for path in sources(*PACKAGES)
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    assert statistics.median(lengths) < 10
    assert statistics.quantiles(lengths, n=10)[-1] < 30


def test_every_module_says_what_it_is_for():
    silent = [str(path.relative_to(ROOT)) for path in sources(*PACKAGES) if not ast.get_docstring(_parsed(path))]
    assert silent == []


def _parsed(path):
    return ast.parse(path.read_bytes())


def test_imports_only_go_down_and_no_stage_imports_a_stage():
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    rank = {package: level for level, package in enumerate(reversed(PACKAGES))}
    wrong = []
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            up = rank[imported.split(".")[0]] > rank[importer.split(".")[0]]
            stages = {name.split(".")[1] for name in (importer, imported) if name.startswith("components.")}
            if up or (len(stages) > 1 and importer.startswith("components.")):
                wrong.append(f"{importer} imports {imported}")
    assert wrong == []


def test_options_configuration_and_command_line_import_nothing_heavy():
    light = [name for name in modules() if name.endswith(".options") or name.startswith("pipeline.cli")]
    light += ["pipeline.config", "pipeline.describe", "schemas.runs", "schemas.records", "components", "ranker"]
    script = "import importlib, json, sys; [importlib.import_module(name) for name in json.loads(sys.argv[1])]"
    script += f"; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(light)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_no_list_of_packages_binds_a_user_to_an_index():
    addresses = [path.name for path in files(".") if path.suffix == ".lock" and "://" in path.read_text()]
    assert addresses == []


@pytest.mark.parametrize("host", ["pypi" + ".org", "pythonhosted" + ".org", "--extra-index" + "-url"])
def test_no_index_is_named_anywhere(host):
    naming = [
        str(path.relative_to(ROOT))
        for path in files(".", *FOLDERS)
        if host in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert naming == []
