"""What is wrong in a launch file, and how its commands are read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata

_MARKED = re.compile(r"#\s*CHANGE\b|\bYOUR-\w+")
_COMMENT = re.compile(r"\s*#(?!SBATCH)")
_PIN = re.compile(
    r"(?:(?<![\w-])(ray|lps[-_]sweep|torch)(?:\[[\w,-]*\])?==|(rayproject/ray)\S*?:|(lps_sweep)-)"
    r"(\d+(?:\.\d+)+)"
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_SEPARATORS = re.compile(r"[;&|()\n]+")
_PREFIXES = {"exec", "nohup", "setsid", "time", "env", "do", "then", "if", "while", "until", "!"}
"""Words before the program that a command runs."""


@dataclass(frozen=True)
class Finding:
    """`text` says what is wrong at `where` (file and line), and what would be right."""

    where: str
    text: str


@dataclass(frozen=True)
class Program:
    """One program of a shell command: the variables set for it, and its words."""

    variables: Mapping[str, str]
    words: tuple[str, ...]

    def runs(self, *words: str) -> bool:
        """Whether it is the program of this name, in any folder, called with these first words."""
        first, *rest = (*self.words, "")
        return (first.rpartition("/")[2], *rest[: len(words) - 1]) == words

    def option(self, name: str) -> str | None:
        """The value of ``--name=value`` or ``--name value``."""
        for word, after in zip(self.words, (*self.words[1:], ""), strict=True):
            if word == name:
                return after
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
        return None


def programs(command: str) -> Iterator[Program]:
    """The programs of a shell command in their order; what an earlier one exports is set in all."""
    exported: dict[str, str] = {}
    for words in _simple_commands(command):
        own: dict[str, str] = {}
        while words and (words[0] in _PREFIXES or _ASSIGNMENT.fullmatch(words[0])):
            name, given, value = words.pop(0).partition("=")
            own |= {name: value} if given else {}
        if words[:1] == ["export"] or not words:
            given_now = (word.partition("=") for word in words[1:])
            exported |= own | {name: value for name, _, value in given_now}
        else:
            yield Program({**exported, **own}, tuple(words))


def _simple_commands(command: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(command.replace("\n", ";"), posix=True, punctuation_chars=";&|()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    words: list[str] = []
    try:
        for word in lexer:
            if _SEPARATORS.fullmatch(word):
                yield words
                words = []
            else:
                words.append(word)
    except ValueError:  # a quote that is not closed, which the shell will say
        pass
    yield words


def placeholders(text: str, source: str) -> Iterator[Finding]:
    """The lines of a file that a user has not made his own yet."""
    for number, line in enumerate(text.splitlines(), 1):
        found = _MARKED.search(line)
        if found and not _COMMENT.match(line):
            yield Finding(
                f"{source}:{number}",
                f"still has {found[0]!r}; put your own value there and take the mark away",
            )


def versions(text: str, where: str) -> Iterator[Finding]:
    """Pinned versions and images in `text` that are not what is installed here."""
    for found in _PIN.finditer(text):
        name, image, wheel, version = found.groups()
        package = "ray" if image else (name or wheel).replace("_", "-")
        yield from other_version(package, version, where)


def other_version(package: str, version: str, where: str) -> Iterator[Finding]:
    """That `version` is not the one that is installed here, where any is."""
    try:
        here = metadata.version(package).partition("+")[0]
    except metadata.PackageNotFoundError:
        return
    if version != here:
        yield Finding(where, f"{package} {version}, and {here} here; all nodes need the same")
