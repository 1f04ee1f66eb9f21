"""Makes the lock files anew: requirements.lock, requirements-gpu.lock, requirements-uv.lock. `make lock` runs it.

Every lock holds both stacks, with hashes and no index's address, so that it is good behind any mirror, for uv and pip.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The older stack's Python: a universal lock is made for it and all newer ones.
OLDEST = "3.10"
COMPILE = ["pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-annotate", "--no-header"]


def main() -> int:
    """Returns: exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="keep locked versions where pyproject.toml allows them")
    options = parser.parse_args()
    uv = str(ROOT / ".uv/bin/uv") if (ROOT / ".uv/bin/uv").exists() else shutil.which("uv")
    if uv is None:
        sys.exit("make lock needs uv: `make setup` installs one into .uv/ where the machine has none.")
    upgrade = [] if options.keep else ["--upgrade"]
    dev = ["--python-version", OLDEST, "--group", "dev"]
    _compile(uv, [*dev, *upgrade, "pyproject.toml"], ROOT / "requirements.lock")
    _lock_gpu(uv, dev)
    _lock_uv(uv, upgrade)
    return 0


def _compile(uv: str, arguments: list[str], output: pathlib.Path) -> None:
    subprocess.run([uv, *COMPILE, *arguments, "--output-file", str(output)], check=True, cwd=ROOT)
    print(f"{output.name}: {len(blocks(output.read_text()))} pins")


def _lock_gpu(uv: str, dev: list[str]) -> None:
    """What the gpu extra adds to requirements.lock, and nothing twice."""
    with tempfile.TemporaryDirectory() as folder:
        everything = pathlib.Path(folder) / "all.lock"
        shutil.copy(ROOT / "requirements.lock", everything)  # uv keeps the versions that it finds in its output file
        _compile(uv, [*dev, "--extra", "gpu", "pyproject.toml"], everything)
        locked = set(blocks((ROOT / "requirements.lock").read_text()))
        added = [block for block in blocks(everything.read_text()) if block not in locked]
    twice = {name(block) for block in added} & {name(block) for block in locked}
    if twice:
        sys.exit(
            f"CUDA's libraries would change {', '.join(sorted(twice))}: the two locks can't be installed together."
        )
    (ROOT / "requirements-gpu.lock").write_text("".join(added))


def _lock_uv(uv: str, upgrade: list[str]) -> None:
    """uv itself, for any Python that pip may run on, hence without our own markers (--no-config)."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = pathlib.Path(folder) / "uv.in"
        wanted.write_text("uv\n")
        _compile(uv, ["--no-config", "--python-version", "3.8", *upgrade, str(wanted)], ROOT / "requirements-uv.lock")


def blocks(lock: str) -> list[str]:
    """The entries of a lock file: a pin's line with the lines of its hashes."""
    return re.findall(r"^[^\s#].*\n(?:[ \t]+.*\n)*", lock, flags=re.MULTILINE)


def name(block: str) -> str:
    """The package that an entry pins."""
    return block.split("==", 1)[0].strip()


if __name__ == "__main__":
    sys.exit(main())
