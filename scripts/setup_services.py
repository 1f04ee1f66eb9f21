"""Builds what the tests on an engine need, in .services/: Beam's own Prism (an engine) and boot (it starts workers).

Both are Go programs of the installed Beam's version: another version's may speak another protocol. Standard library
alone; `make setup-services` runs it with the environment's Python.
"""

import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[1] / ".services"
# Program: its Go package in Beam's module, whose last part is the name that Go gives it.
PROGRAMS = {"prism": "go/cmd/prism", "boot": "python/container"}
MODULE = "github.com/apache/beam/sdks/v2"

NO_GO = """seqrank: Go isn't installed, so {missing} can't be built here.
Next: install Go (Debian, Ubuntu: apt-get install golang; Fedora: dnf install golang), then make setup-services. Or
leave run.beam.prism_location unset: Beam then fetches its Prism of version {version} from its releases on GitHub."""


def built(folder, version):
    """Names of the programs of this version that are there already."""
    noted = folder / "version"
    return {name for name in PROGRAMS if (folder / name).exists()} if _read(noted) == version else set()


def _read(path):
    return path.read_text().strip() if path.exists() else ""


def build(folder, version, go):
    """Builds what is missing.

    Args:
        folder: where the programs go.
        version: of Beam.
        go: the Go program.
    Raises: subprocess.CalledProcessError: Go said no; it has written why.
    """
    folder.mkdir(exist_ok=True)
    for name in sorted(set(PROGRAMS) - built(folder, version)):
        print(f"Building Beam {version}'s {name}: some minutes.", flush=True)
        package = PROGRAMS[name]
        environment = {**os.environ, "GOBIN": str(folder), "CGO_ENABLED": "0"}
        subprocess.run([go, "install", f"{MODULE}/{package}@v{version}"], env=environment, check=True, cwd=folder)
        (folder / package.rsplit("/", 1)[-1]).replace(folder / name)
    (folder / "version").write_text(version + "\n")


def main():
    """Ends with status 1 where something is missing and can't be built."""
    version = importlib.metadata.version("apache-beam")
    missing = sorted(set(PROGRAMS) - built(FOLDER, version))
    go = shutil.which("go")
    if missing and not go:
        sys.exit(NO_GO.format(missing=" and ".join(missing), version=version))
    if missing:
        try:
            build(FOLDER, version, go)
        except subprocess.CalledProcessError as error:
            sys.exit(f"seqrank: {' '.join(error.cmd)} failed; what it said is above.")
    print(f"{FOLDER}: Beam {version}'s {' and '.join(sorted(PROGRAMS))}")


if __name__ == "__main__":
    main()
