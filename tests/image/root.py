"""Performs our Dockerfile's steps in a Debian 13 root folder, and runs commands in it: no engine is needed.

Each stage is an overlay over the stage below it, at the bottom a Debian 13 made by debootstrap (scripts/debian13.sh
keeps it), so that neither the checkout nor that Debian is written to. It stands for the base image: the same Debian and
the same Python 3.13, whose program lies in /usr/bin here and in /usr/local/bin there. Root alone can do this.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import types

BASE: Final = re.compile(r"python:3\.13\.\d+-slim-trixie")
LACKS: Final = ("git", "make")  # our Debian has them, the base image doesn't
EMPTY: Final = (
    "/tmp",
    "/gcs",
    "/s3",
    "/minio",
    "/.local",
    "/.cache",
    "/.config",
)  # as a pod finds them: Kubeflow mounts all but /tmp
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CERTIFICATES: Final = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
# Without capabilities, and without a way to get any: as Kubeflow's containers run.
_DROPPED: Final = ("setpriv", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all",
                   "--no-new-privs")  # fmt: skip


@dataclasses.dataclass
class Layers:
    """A file system being made: its own folder of changes above others, and what the Dockerfile says beside files.

    Args:
        top: holds `upper`, the changes, and what the overlay needs.
        below: folders of files, the nearest first.
    """

    top: pathlib.Path
    below: list[pathlib.Path]
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    workdir: str = "/"
    user: str = "0:0"
    command: list[str] = dataclasses.field(default_factory=list)

    @property
    def upper(self) -> pathlib.Path:
        """The changes."""
        return self.top / "upper"

    def find(self, path: str) -> pathlib.Path | None:
        """Where a file or folder of this file system lies; None: there is none."""
        places = (layer / path.lstrip("/") for layer in (self.upper, *self.below))
        return next((place for place in places if os.path.lexists(place)), None)

    def make(self, path: str) -> None:
        """Makes a folder, with those above it, where there is none: one that is there keeps its owner and mode."""
        for folder in reversed((pathlib.PurePosixPath(path), *pathlib.PurePosixPath(path).parents)):
            if self.find(str(folder)) is None:
                (self.upper / str(folder).lstrip("/")).mkdir(parents=True)

    def entered(self, words: list[str], binds: dict[str, pathlib.Path], empty: tuple[str, ...] = ()) -> list[str]:
        """A command that runs `words` with this file system as its root, as root; `words` may give that up.

        It is one process, so that whoever ends it ends them.

        Args:
            binds: files and folders of this machine, by where they are seen.
            empty: folders that are seen empty, for everybody to write to.
        """
        for name in ("upper", "work", "mounted"):
            (self.top / name).mkdir(parents=True, exist_ok=True)
        root = self.top / "mounted"
        below = ":".join(map(str, self.below))
        lines = [f"mount -t overlay overlay -o lowerdir={below},upperdir={self.upper},workdir={self.top}/work {root}"]
        lines += [f"mount --rbind /{name} {root}/{name}" for name in ("proc", "dev", "sys")]
        for path in empty:
            lines += [f"mkdir -p {root}{path}", f"mount -t tmpfs -o mode=1777 tmpfs {root}{path}"]
        for path, source in binds.items():
            make = "mkdir -p" if source.is_dir() else "touch"
            lines += [f"mkdir -p {pathlib.Path(f'{root}{path}').parent}", f"{make} {root}{path}"]
            lines += [f"mount --bind {shlex.quote(str(source))} {root}{path}"]
        script = "\n".join(["set -e", *lines, f'exec chroot {root} sh -c \'cd "$0" && exec "$@"\' "$@"'])
        return ["unshare", "--mount", "--propagation", "private", "bash", "-c", script, "bash", self.workdir, *words]

    def run(
        self, words: list[str], env: dict[str, str], binds: dict[str, pathlib.Path]
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command as root in this whole environment; returns its status, and output with errors in it."""
        return _run(self.entered(words, binds), env)

    def as_user(
        self, words: list[str], user: int, env: dict[str, str], binds: dict[str, pathlib.Path] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command as Kubeflow would: some user, no capabilities, empty folders over the image's.

        Args:
            env: beside what the image sets.
        """
        return _run(self.dropped(words, user, binds), {**self.env, **env})

    def dropped(self, words: list[str], user: int, binds: dict[str, pathlib.Path] | None = None) -> list[str]:
        """The command of `as_user`, for whoever wants to start it."""
        covered = tuple(path for path in EMPTY if path not in (binds or {}))
        return self.entered([*_DROPPED, f"--reuid={user}", f"--regid={user}", *words], binds or {}, covered)


def _run(words: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)  # fmt: skip


def perform(
    reader: types.ModuleType,
    checkout: pathlib.Path,
    debian: pathlib.Path,
    folder: pathlib.Path,
    arguments: dict[str, str],
    given: dict[str, pathlib.Path],
    *targets: str,
) -> dict[str, Layers]:
    """Builds stages of the Dockerfile, and what they rest on; returns all of them by name.

    Args:
        reader: tests/image/reader.py.
        debian: a Debian 13 root folder.
        folder: empty, for the stages' files.
        arguments: what --build-arg would say.
        given: folders that stand for other images that files are copied from.
    Raises: RuntimeError: a step failed; with its output.
    """
    ignore = (checkout / ".dockerignore").read_text(encoding="utf-8")
    builder = _Builder(reader, checkout, reader.context(checkout, ignore), arguments)
    made = {name: Layers(folder, [root]) for name, root in given.items()}
    for stage in reader.needed(reader.stages((checkout / "Dockerfile").read_text(encoding="utf-8")), *targets):
        if stage.base in made:
            base = made[stage.base]
            layers = dataclasses.replace(
                base, top=folder / stage.name, below=[base.upper, *base.below], env=dict(base.env)
            )
        else:
            assert BASE.fullmatch(stage.base), f"{stage.base} isn't what a Debian 13 folder stands for"
            layers = Layers(folder / stage.name, [debian], {"PATH": _PATH})
            layers.run(["rm", "-f", *(f"/usr/bin/{program}" for program in LACKS)], {"PATH": _PATH}, {})
        layers.upper.mkdir(parents=True, exist_ok=True)
        made[stage.name] = builder.stage(stage, layers, made)
    return made


@dataclasses.dataclass
class _Builder:
    reader: types.ModuleType
    checkout: pathlib.Path
    context: list[pathlib.PurePosixPath]
    arguments: dict[str, str]

    def stage(self, stage, layers: Layers, made: dict[str, Layers]) -> Layers:
        """Performs a stage's instructions."""
        given: dict[str, str] = {}  # of ARG: seen by what follows, in no one's environment later
        for instruction in stage.instructions:
            known = {**given, **layers.env}
            text = instruction.text
            if instruction.name == "ARG":
                name, _, value = text.partition("=")
                given[name] = self.arguments.get(name, value)
            elif instruction.name == "ENV":
                layers.env |= self.reader.pairs(text, known)
            elif instruction.name == "WORKDIR":
                layers.workdir = self.reader.substituted(text, known)
                layers.make(layers.workdir)
            elif instruction.name == "USER":
                layers.user = text
            elif instruction.name in ("CMD", "ENTRYPOINT"):
                layers.command = self.reader.command(text)
            elif instruction.name == "COPY":
                self._copy(instruction, layers, made)
            else:
                self._run(instruction, layers, known)
        return layers

    def _copy(self, instruction, layers: Layers, made: dict[str, Layers]) -> None:
        *sources, target = instruction.text.split()
        into = layers.upper / os.path.join(layers.workdir, target).lstrip("/")
        for source in sources:
            if instruction.flag("from"):
                found = made[instruction.flag("from")[0]].find(source)
                assert found is not None, f"Dockerfile:{instruction.line}: no {source} there"
                shutil.rmtree(into, ignore_errors=True)
                into.parent.mkdir(parents=True, exist_ok=True)
                subprocess.run(["cp", "-al", found, into], check=True)  # links: nothing writes to the last stage
                continue
            below = [path for path in self.context if pathlib.PurePosixPath(source) in (path, *path.parents)]
            assert below, f"Dockerfile:{instruction.line}: {source} isn't in the context"
            for path in below:
                one = str(path) == source
                place = (into / path.name if target.endswith("/") else into) if one else into / path.relative_to(source)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.checkout / path, place)

    def _run(self, instruction, layers: Layers, env: dict[str, str]) -> None:
        """A RUN, as root, with this machine's network: its name servers, certificates and package settings."""
        binds = {path: pathlib.Path(path) for path in ("/etc/resolv.conf", "/etc/hosts")}
        certificates = pathlib.Path(os.environ.get("SSL_CERT_FILE", _CERTIFICATES))
        if certificates.is_file():
            binds[str(_CERTIFICATES)] = certificates
        for mount in instruction.flag("mount"):
            told = dict(part.split("=", 1) for part in mount.split(","))
            here = _HERE[told.get("id", told["type"])]()
            if told["type"] == "cache":
                here.mkdir(parents=True, exist_ok=True)
            if here.exists():
                binds[told["target"]] = here
        whole = {"HOME": "/root", **env, "SSL_CERT_FILE": str(_CERTIFICATES)}
        done = layers.run(["sh", "-c", instruction.text], whole, binds)
        if done.returncode:
            raise RuntimeError(f"Dockerfile:{instruction.line}: status {done.returncode}\n{done.stdout}")


# What this machine has for a RUN's mounts, by their id or type.
_HERE: Final = {
    "cache": lambda: pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"),
    "pip": lambda: pathlib.Path("/etc/pip.conf"),
    "uv": lambda: pathlib.Path.home() / ".config" / "uv" / "uv.toml",
}
