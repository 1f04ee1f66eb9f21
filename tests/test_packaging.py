"""setup.py builds a package that holds all of ours: Beam's --setup_file ships exactly that to workers."""

import pathlib
import shutil
import subprocess
import sys
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
SUFFIXES = ("py", "pbtxt", "html", "css", "svg")
PACKAGES = ["pipeline", "components", "inspection", "serving", "ranker", "schemas"]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> pathlib.Path:
    """The source package that Beam makes of the checkout, unpacked."""
    folder = tmp_path_factory.mktemp("package")
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in PACKAGES:
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, checkout)
    command = [sys.executable, "setup.py", "-q", "sdist", "--formats=gztar", "--dist-dir", str(folder)]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return unpacked


def test_package_holds_every_module_curated_schema_and_page(built):
    def sources(root):
        found = [path for name in PACKAGES for suffix in SUFFIXES for path in (root / name).rglob(f"*.{suffix}")]
        return {str(path.relative_to(root)) for path in found}

    assert sources(ROOT) - sources(built) == set()


def test_all_packages_import_from_what_was_built(built, tmp_path):
    code = (
        f"import sys, importlib, pathlib; sys.path.insert(0, {str(built)!r})\n"
        f"for name in {PACKAGES!r}:\n"
        f"    module = importlib.import_module(name)\n"
        f"    assert pathlib.Path(module.__file__).is_relative_to({str(built)!r}), module.__file__\n"
        "assert not {'tensorflow', 'tfx', 'apache_beam'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_every_folder_of_modules_is_a_package():
    folders = {path.parent for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []
