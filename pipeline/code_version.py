"""What code a stage runs on, as a digest: an execution property, so that TFX's cache sees edited code and schemas.

TFX's cache key holds properties, inputs and the executor's dotted name, never the code behind that name. Versions of
installed libraries and of Python aren't in the digest either: they change with the lock file, and a run on another
environment takes another output root, or run.cache: false (docs/decisions/0003-code-version.md).
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import pathlib
from typing import TYPE_CHECKING

import grimp

from components.evaluator.options import PAIR_METRICS
from components.tuner import space
from ranker import registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.config import Config

PACKAGES = ("components", "serving", "ranker", "schemas")

# Where each stage of ours begins.
STAGES = {
    "example_gen": "components.example_gen.executor",
    "table_gen": "components.example_gen.table_executor",
    "curated_schema": "components.curated_schema.executor",
    "data_gate": "components.data_gate.executor",
    "table_gate": "components.data_gate.table_executor",
    "sequence_gen": "components.sequence_gen.executor",
    "transform": "components.transform.preprocessing",
    "tuner": "components.tuner.executor",
    "trainer": "components.trainer.executor",
    "evaluator": "components.evaluator.executor",
    "model_check": "components.model_check.executor",
    "pusher": "components.pusher.executor",
    "batch_recommender": "components.batch_recommender.executor",
}
_OPTIONAL = ("model_check", "batch_recommender")


def stage_versions(config: Config) -> dict[str, str]:
    """The code version of each stage of STAGES under a configuration.

    What is loaded by a name, such as run_fn by TFX or a split, an architecture and a loss by the configuration, is no
    import: the files that are named count, those that aren't don't.
    """
    parts = _parts(config)
    named = {
        "sequence_gen": [f"components.sequence_gen.splits.{config.sequence_gen.split.name}"],
        "tuner": ["components.tuner.run", *parts],
        "trainer": ["components.trainer.run", *parts],
        "evaluator": _of_pairs(config),
        "model_check": ["serving.__main__"],
    }
    off = {stage for stage in _OPTIONAL if getattr(config, stage) is None}  # nobody asks for the server's code then
    return {
        stage: "" if stage in off else code_version(module, named.get(stage, ())) for stage, module in STAGES.items()
    }


def _of_pairs(config: Config) -> list[str]:
    """Registered files that say what pairs the model is measured by, if it is."""
    model = config.trainer.model
    measured = model.head.name in PAIR_METRICS
    return [*registry.modules(model.head), *registry.modules(model.loss)] if measured else []


def _parts(config: Config) -> set[str]:
    """Registered files that the model is, or could be after a search."""
    models = [config.trainer.model]
    if config.tuner is not None:
        models += [options.model for options in space.variants(config.tuner.space, config.trainer)]
    return {name for model in models for name in registry.modules(model)}


def code_version(module: str, extra: Iterable[str] = ()) -> str:
    """Digest of a module and of everything of ours that it imports, directly or not.

    Comments, docstrings, descriptions of knobs, blank lines and layout don't count, nor do imports for type checking
    alone. Imports inside functions do.

    Args:
        module: dotted name of a module of components, ranker or schemas.
        extra: further modules, with their own imports: what the stage loads by a name from the configuration.
    Returns: 16 hexadecimal digits.
    Raises: ValueError: there is no such module.
    """
    total = hashlib.sha256()
    for name in closure(module, extra):
        total.update(f"{name}\n{_normalised(_source(name))}\n".encode())
    return total.hexdigest()[:16]


def closure(module: str, extra: Iterable[str] = ()) -> list[str]:
    """Sorted names of the modules that `code_version` reads: with each module, the packages that it lies in."""
    graph, names, missing = _graph(), set(), {module, *extra}
    while missing:
        for start in missing:
            if start not in graph.modules:
                raise ValueError(f"No module {start} in {', '.join(PACKAGES)}.")
            names |= {start} | graph.find_upstream_modules(start)
        missing = {parent for name in names for parent in _parents(name)} - names
    return sorted(names)


def schema_digest(name: str) -> str:
    """Digest of what a curated schema says; its comments and layout don't count.

    Args:
        name: a file in schemas/, such as "interactions.pbtxt".
    Returns: 16 hexadecimal digits.
    Raises: OSError: no such file. google.protobuf.text_format.ParseError: it isn't a schema.
    """
    from google.protobuf import text_format
    from tensorflow_metadata.proto.v0 import schema_pb2

    text = (_source("schemas").parent / name).read_text(encoding="utf-8")
    schema = text_format.Parse(text, schema_pb2.Schema())
    return hashlib.sha256(schema.SerializeToString(deterministic=True)).hexdigest()[:16]


@functools.cache
def _graph() -> grimp.ImportGraph:
    """Who imports whom; a module is parsed, never imported."""
    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=True, cache_dir=None)


def _parents(name: str) -> list[str]:
    """Packages whose __init__.py runs when `name` is imported."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def _source(name: str) -> pathlib.Path:
    """File of a module, found from its top package so that nothing is imported on the way."""
    top, *rest = name.split(".")
    spec = importlib.util.find_spec(top)
    assert spec is not None  # grimp found it
    assert spec.origin is not None
    folder = pathlib.Path(spec.origin).parent.joinpath(*rest)
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


@functools.cache
def _normalised(path: pathlib.Path) -> str:
    """A source file without comments, docstrings, layout, and what pydantic's Field says of a knob."""
    source = path.read_bytes()
    tree = ast.parse(source)
    for node in _statements(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = node.body[_docstrings(node.body) :]
    for node in ast.walk(tree) if b"Field" in source else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
    return ast.dump(tree)


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """A module and all statements in it, without looking into expressions, of which there are ten times as many."""
    left = [tree]
    while left:
        node = left.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            inside = getattr(node, part, None)
            left += inside if isinstance(inside, list) else ()  # of a lambda or a choice it is an expression


def _docstrings(body: list[ast.stmt]) -> int:
    """1 where a body begins with a docstring, else 0."""
    first = body[0].value if body and isinstance(body[0], ast.Expr) else None
    return int(isinstance(first, ast.Constant) and isinstance(first.value, str))
