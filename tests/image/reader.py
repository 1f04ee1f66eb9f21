"""Reads our Dockerfile and .dockerignore, so that a test can perform the steps that stand there and no others.

No parser of Dockerfiles is in the environment, and none is needed for the few instructions that ours has. Whatever else
turns up is refused, so that a step is never left out in silence.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import json
import os
import pathlib
import re
import shlex
from typing import Final

INSTRUCTIONS: Final = ("ARG", "ENV", "WORKDIR", "COPY", "RUN", "USER", "CMD", "ENTRYPOINT")
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line of a Dockerfile.

    Args:
        name: in capitals.
        flags: what stands before the text as --name=value, in order.
        text: the rest, with continued lines joined.
        line: where it begins, counted from 1.
    """

    name: str
    flags: tuple[tuple[str, str], ...]
    text: str
    line: int

    def flag(self, name: str) -> list[str]:
        """Values of one flag."""
        return [value for flag, value in self.flags if flag == name]


@dataclasses.dataclass(frozen=True)
class Stage:
    """What one FROM begins: the image or stage that it builds on, its name ("" if it has none), its instructions."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile, in order.

    Raises: ValueError: an instruction or a form that this reader doesn't know, with its line.
    """
    found: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.name == "FROM":
            words = instruction.text.split()
            if instruction.flags or len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
                raise ValueError(f"Dockerfile:{instruction.line}: FROM {instruction.text}: not of the known form.")
            found.append(Stage(words[0], words[2] if len(words) == 3 else "", ()))
        elif instruction.name not in INSTRUCTIONS or not found:
            raise ValueError(f"Dockerfile:{instruction.line}: {instruction.name} isn't known here.")
        else:
            found[-1] = dataclasses.replace(found[-1], instructions=(*found[-1].instructions, instruction))
    return found


def needed(every: list[Stage], *targets: str) -> list[Stage]:
    """The stages that `targets` rest on, and themselves, in order: an engine makes no others."""
    names, wanted = [stage.name for stage in every], set(targets)
    for stage in reversed(every):
        if stage.name in wanted:
            copied = [each for instruction in stage.instructions for each in instruction.flag("from")]
            wanted |= {name for name in (stage.base, *copied) if name in names}
    return [stage for stage in every if stage.name in wanted]


def _instructions(text: str) -> list[Instruction]:
    """Logical lines: comments left out, also between continued lines, and continued lines joined."""
    found, parts, begin = [], [], 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#") or not line.strip():
            continue
        begin = begin if parts else number
        parts.append(line.strip().removesuffix("\\").strip())
        if not line.rstrip().endswith("\\"):
            found.append(_instruction(" ".join(parts), begin))
            parts = []
    if parts:
        raise ValueError(f"Dockerfile:{begin}: the last line is continued.")
    return found


def _instruction(line: str, number: int) -> Instruction:
    name, _, text = line.partition(" ")
    flags = []
    while match := re.match(r"--(\w+)=(\S+)\s+", text.lstrip()):
        flags.append((match[1], match[2]))
        text = text.lstrip()[match.end() :]
    return Instruction(name.upper(), tuple(flags), text.strip(), number)


def substituted(text: str, variables: dict[str, str]) -> str:
    """Text with $NAME and ${NAME} filled in; an unknown name is empty, as an engine has it."""
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], ""), text)


def pairs(text: str, variables: dict[str, str]) -> dict[str, str]:
    """What ENV NAME=value … sets. Values are filled in from before: a line doesn't see its own names."""
    words = [word.partition("=") for word in shlex.split(text)]
    return {name: substituted(value, variables) for name, _, value in words}


def command(text: str) -> list[str]:
    """Words of a CMD in its JSON form. Raises: ValueError: it has another one."""
    words = json.loads(text)
    if not isinstance(words, list):
        raise ValueError(f"CMD {text}: not a list.")
    return words


def context(root: pathlib.Path, ignore: str) -> list[pathlib.PurePosixPath]:
    """Files below a checkout that .dockerignore lets an engine see, by path from there, sorted.

    As engines do it, the last pattern that fits a file or a folder above it decides; ! takes it in again.

    Args:
        root: the checkout.
        ignore: the text of .dockerignore.
    """
    lines = [line.strip() for line in ignore.splitlines()]
    patterns = [line for line in lines if line and not line.startswith("#")]
    kept = []
    for folder, below, files in os.walk(root):
        here = pathlib.PurePosixPath(pathlib.Path(folder).relative_to(root).as_posix())
        if here == pathlib.PurePosixPath("."):
            below[:] = [name for name in below if f"!{name}" in patterns]  # the rest is large, and left out by *
        kept += [here / name for name in files if not _ignored(here / name, patterns)]
    return sorted(kept)


def _ignored(path: pathlib.PurePosixPath, patterns: list[str]) -> bool:
    ignored = False
    for pattern in patterns:
        if any(_fits(each, pattern.removeprefix("!")) for each in (path, *path.parents[:-1])):
            ignored = not pattern.startswith("!")
    return ignored


def _fits(path: pathlib.PurePosixPath, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch.fnmatchcase(path.name, pattern.removeprefix("**/"))
    parts = pattern.split("/")
    return len(parts) == len(path.parts) and all(map(fnmatch.fnmatchcase, path.parts, parts))
