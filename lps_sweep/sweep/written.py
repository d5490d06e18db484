"""Search spaces that verbs write into the results folder, for sweeps that belong to another."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lps_sweep.errors import BadInputError
from lps_sweep.files import atomic_write, inside, read_file, sha256_bytes
from lps_sweep.plan import parse_yaml
from lps_sweep.plan.yaml_file import parse_value
from lps_sweep.results import Ledger, SweepRecord

_PLAIN = re.compile(r"[-+.0-9A-Za-z]+")


class _Dumper(yaml.SafeDumper):
    """Writes words so that they are read as words by YAML 1.2 as well: ``1e3`` in quotes."""


def _word(dumper: yaml.SafeDumper, word: str) -> yaml.Node:
    is_read_back = parse_value(word, "").plain() == word if _PLAIN.fullmatch(word) else True
    return dumper.represent_scalar("tag:yaml.org,2002:str", word, None if is_read_back else '"')


_Dumper.add_representer(str, _word)


def space_text(content: Mapping[str, Any]) -> str:
    """A search space, or a part of one, as a YAML file has it."""
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True))


def resources_of(record: SweepRecord) -> dict[str, Any]:
    """The `resources` of the file of a sweep; empty where it has none."""
    try:
        content = parse_yaml(record.source, record.name).plain()
    except BadInputError:  # a configuration given on the command line
        return {}
    found = content.get("resources") if isinstance(content, dict) else None
    return {"resources": found} if found else {}


@dataclass(frozen=True)
class Writer:
    """A verb that writes search spaces.

    Attributes:
        verb: Its name.
        what: What its sweeps are to those that they belong to.
        name: What the sweep that belongs to another is called.
        question: Pattern of the questions of its sweeps.
    """

    verb: str
    what: str
    name: Callable[[str], str]
    question: str

    def text(self, content: Mapping[str, Any]) -> str:
        """The search space `content`, signed so that it is known again."""
        rest = space_text(content)
        return f"{self._first_line(rest)}\n{rest}"

    def write(self, results: Path, sweep: str, text: str) -> Path:
        """Writes `text`, a search space that belongs to `sweep`; the path.

        Raises:
            BadInputError: A sweep or a file of its name is there that this verb has not made.
            StorageError: It cannot be written.
        """
        name = self.name(sweep)
        file = inside(results, f"{name}/{name}.yaml")
        with Ledger.open(results) as ledger:
            planned = ledger.record(name) if name in ledger.sweeps() else None
        if planned and not re.fullmatch(self.question, planned.question, re.DOTALL):
            raise BadInputError(
                f"{name!r} is a sweep of your own, and the {self.what} of {sweep!r} would be "
                "called so; give one of the two another name, in its file",
                str(results),
            )
        if file.exists() or file.is_symlink():
            there = read_file(file) if file.is_file() else b""
            known = {text, text.partition("\n")[2], planned.source if planned else text}
            if there.decode(errors="replace") not in known and not self._is_ours(there):
                raise BadInputError(
                    f"this was not written by `{self.verb}`, or was changed since; move it away, "
                    f"and for a search space of your own use `run`, under another name than "
                    f"{name!r}",
                    str(file),
                )
        atomic_write(file, text.encode())
        return file

    def _is_ours(self, content: bytes) -> bool:
        """Whether this verb wrote `content`, which was not changed since."""
        first, _, rest = content.decode(errors="replace").partition("\n")
        return first == self._first_line(rest)

    def _first_line(self, rest: str) -> str:
        return f"# written by lps_sweep {self.verb}; SHA-256 {sha256_bytes(rest.encode())}"
