"""Files are edited in a copy of the tree, and another process says which stages' code versions changed by it."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from pipeline import code_version

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ("components", "pipeline", "ranker", "schemas")
CURATED = ["interactions.pbtxt", "items.pbtxt", "sequences.pbtxt", "users.pbtxt"]
ASK = """
import json, pathlib, sys, time
from pipeline import code_version
from pipeline.config import load
told = ["example_gen.data=[log.csv]", "sequence_gen.split=leave_last_out"]
config, plain = load(None, [*told, "model_check={}", "batch_recommender={}"]), load(None, told)
answers = []
for edited in json.load(sys.stdin):
    before = {name: pathlib.Path(name).read_text() if pathlib.Path(name).exists() else None for name in edited}
    for name, text in edited.items():
        pathlib.Path(name).write_text(text)
    code_version._graph.cache_clear()
    code_version._normalised.cache_clear()
    began = time.process_time()
    off = code_version.stage_versions(plain)
    answer = {name: code_version.schema_digest(name) for name in json.loads(sys.argv[1])}
    seconds = time.process_time() - began
    answer |= code_version.stage_versions(config)
    answers.append({"versions": answer, "off": off, "seconds": seconds})
    for name, text in before.items():
        pathlib.Path(name).unlink() if text is None else pathlib.Path(name).write_text(text)
heavy = [name for name in ("tensorflow", "tfx", "apache_beam") if name in sys.modules]
print(json.dumps({"answers": answers, "heavy": heavy}))
"""


class Tree:
    """A copy of our packages that can be edited."""

    def __init__(self, root):
        self.root = root
        for package in PACKAGES:
            shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))

    def names(self, suffix):
        return [str(path.relative_to(self.root)) for path in self.root.rglob(f"*{suffix}")]

    def read(self, name):
        return (self.root / name).read_text()

    def ask(self, edits):
        """What each edit (name -> new text), made alone, does to versions."""
        environment = {**os.environ, "PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        command, asked = [sys.executable, "-c", ASK, json.dumps(CURATED)], json.dumps(edits)
        done = subprocess.run(
            command, input=asked, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


EDITS = {
    **{f"{module.replace('.', '/')}.py": {stage} for stage, module in code_version.STAGES.items()},
    "components/example_gen/inputs.py": {"example_gen", "table_gen"},
    "components/example_gen/beam_io.py": {"example_gen"},
    "components/example_gen/table_check.py": {"table_gen"},
    "components/data_gate/refusal.py": {"data_gate", "table_gate"},
    "components/data_gate/interactions.py": {"data_gate"},
    "components/trainer/run.py": {"trainer"},
    "components/tuner/run.py": {"tuner"},
    "components/tuner/search.py": {"tuner"},
    "components/sequence_gen/windows.py": {"sequence_gen"},
    "components/sequence_gen/splits/leave_last_out.py": {"sequence_gen"},
    "components/sequence_gen/splits/global_time.py": set(),  # another split is configured
    "components/evaluator/blessing.py": {"evaluator"},
    "components/evaluator/pairs.py": {"evaluator"},
    "components/pusher/publish.py": {"pusher"},
    "components/trainer/component.py": set(),  # a declaration: what it says are properties, which the cache sees
    "ranker/losses/cross_entropy.py": {"tuner", "trainer"},
    "ranker/heads/next_item.py": {"tuner", "trainer"},
    "ranker/heads/rating.py": set(),  # another head is configured
    "ranker/negatives/uniform.py": set(),  # the configured loss draws nothing
    "ranker/architectures/lstm.py": {"tuner", "trainer"},
    "ranker/model.py": {"tuner", "trainer"},
    "ranker/metrics.py": {"evaluator"},
    "ranker/keras_metrics.py": {"tuner", "trainer"},
    "schemas/errors.py": set(code_version.STAGES) - {"transform"},
    "schemas/features.py": set(code_version.STAGES) - {"curated_schema", "pusher"},
    "pipeline/config.py": set(),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return Tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def changes(tree):
    """By name of the edited file: what changed."""
    edits = [{}, *({name: tree.read(name) + "\nEDITED = 1\n"} for name in EDITS)]
    before, *after = [answer["versions"] for answer in tree.ask(edits)["answers"]]
    return {name: changed(before, versions) for name, versions in zip(EDITS, after, strict=True)}


def changed(before, after):
    assert before.keys() == after.keys()
    return {stage for stage in before if before[stage] != after[stage]}


def changed_by(tree, edit):
    before, after = tree.ask([{}, edit])["answers"]
    return changed(before["versions"], after["versions"])


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_file_changes_exactly_the_stages_that_depend_on_it(name, changes):
    assert changes[name] == EDITS[name]


def test_an_unconfigured_loss_changes_nothing(tree):
    assert changed_by(tree, {"ranker/losses/another.py": tree.read("ranker/losses/cross_entropy.py")}) == set()


def test_automatic_loss_stands_on_every_file_that_it_may_choose():
    parts = {"losses.cross_entropy", "losses.sampled_softmax", "negatives.popularity", "sampled_losses", "sampling"}
    assert {f"ranker.{part}" for part in parts} <= set(code_version.closure("ranker.losses.auto"))


@pytest.mark.parametrize("name", CURATED)
def test_an_edited_curated_schema_changes_its_digest_alone(name, tree):
    path = f"schemas/{name}"
    assert changed_by(tree, {path: tree.read(path) + '\nfeature { name: "edited" type: INT }\n'}) == {name}


def test_comments_docstrings_layout_and_descriptions_of_knobs_change_nothing(tree):
    edit = {name: "# Edited.\n\n" + tree.read(name) for name in tree.names(".pbtxt")}
    for name in tree.names(".py"):
        text = re.sub(r'(?m)^( *)"""(?=[A-Z])', r'\1"""Edited. ', tree.read(name))
        edit[name] = "# Edited.\n\n" + text.replace('description="', 'description="Edited. ') + "\n\n# Edited.\n"
    assert changed_by(tree, edit) == set()


def test_all_versions_take_less_than_a_second_and_import_nothing_heavy(tree):
    found = tree.ask([{}])
    assert found["answers"][0]["seconds"] < 1.0
    assert found["heavy"] == []


def test_a_stage_that_is_off_has_no_version_and_the_others_the_same_as_ever(tree):
    (answer,) = tree.ask([{}])["answers"]
    off = {stage for stage, version in answer["off"].items() if not version}
    assert off == {"model_check", "batch_recommender"}
    assert all(answer["versions"][stage] == version for stage, version in answer["off"].items() if version)


def test_an_unknown_module_is_refused_by_name():
    with pytest.raises(ValueError, match=r"components\.nowhere"):
        code_version.code_version("components.nowhere")


@pytest.mark.parametrize("folder", sorted({module.split(".")[1] for module in code_version.STAGES.values()}))
def test_no_module_of_a_stage_escapes_its_version(folder):
    """A module that is found by a string, as TFX finds run_fn, is no import: it would be missing here."""
    paths = (ROOT / "components" / folder).rglob("*.py")
    modules = {".".join(p.relative_to(ROOT).with_suffix("").parts) for p in paths if p.name != "__init__.py"}
    by_a_string = (".trainer.run", ".tuner.run")  # see stage_versions
    named = {name for name in modules if ".splits." in name or name.endswith(by_a_string)}
    outside = {name for name in modules if name.endswith("component")}  # declarations: properties, which the cache sees
    begins = [module for module in code_version.STAGES.values() if module.split(".")[1] == folder]
    assert modules - outside <= {name for module in begins for name in code_version.closure(module, named)}
