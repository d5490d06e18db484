"""What is written to a place that a person names: only what we wrote there before is replaced.

A hidden file beside it says which files an export made, of which sweep, and their hashes.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lps_sweep.errors import BadInputError, StorageError
from lps_sweep.files import atomic_write, read_file, sha256_bytes, sha256_file
from lps_sweep.results.database import is_there
from lps_sweep.results.places import refuse_own

RECORD_NAME = ".lps_sweep.json"
_FOLDER = "folder"
"""In the place of a hash: a folder of ours, whatever lies in it."""


@dataclass(frozen=True)
class Output:
    """What one kind of export of one sweep makes in a folder.

    Attributes:
        folder: The folder; made if missing.
        kind: The kind of export.
        results: The results folder of the sweep.
        sweep: Its name.
    """

    folder: Path
    kind: str
    results: Path
    sweep: str

    def check(self, name: str) -> None:
        """Refuses what `write` would refuse at `name`, before its content is worked out.

        Raises:
            BadInputError: As `write`.
        """
        self._refuse(self.folder / name, self._known().get(name, ()), "")

    def write(self, contents: Mapping[str, bytes]) -> list[Path]:
        """Writes files by name, each whole; whatever happens, the next call knows them as ours.

        Raises:
            BadInputError: One is there that no earlier call made, or that was changed since; then
                none is written.
            StorageError: One cannot be read or written.
        """
        hashes = {name: sha256_bytes(content) for name, content in contents.items()}
        known = self._claimed(hashes)
        for name, content in contents.items():
            atomic_write(self.folder / name, content)
        self._record({**known, **{name: [digest] for name, digest in hashes.items()}})
        return [self.folder / name for name in contents]

    def claim_folders(self, names: Iterable[str]) -> None:
        """Puts folders on the record by name, to be made by who fills them.

        Raises:
            BadInputError: One is there that no earlier call claimed, and it is not empty.
        """
        self._claimed(dict.fromkeys(names, _FOLDER))

    def _claimed(self, wanted: Mapping[str, str]) -> dict[str, list[str]]:
        """All names of ours, once those of `wanted`, with what they will be, are on the record."""
        if is_there(self.folder) and not self.folder.is_dir():
            raise BadInputError("this is no folder, and one is due", str(self.folder))
        known = self._known()
        for name, new in wanted.items():
            self._refuse(self.folder / name, known.get(name, ()), new)
        if any(new not in known.get(name, ()) for name, new in wanted.items()):
            known |= {name: [*known.get(name, ()), new] for name, new in wanted.items()}
            self._record(known)
        return known

    def _refuse(self, path: Path, known: Collection[str], new: str) -> None:
        """Refuses what is at `path` unless it is `known` or the same as the `new` one."""
        refuse_own(path, str(path))
        if not is_there(path):
            return
        wanted = "folder" if new == _FOLDER else "file"
        if path.is_symlink() or (path.is_dir() if wanted == "file" else not path.is_dir()):
            raise BadInputError(f"this is no {wanted}, and one is due; {_ADVICE}", str(path))
        if wanted == "folder":
            if _FOLDER in known or not any(path.iterdir()):
                return
        elif sha256_file(path) in {*known, new}:
            return
        raise BadInputError(f"{self._reason(path.name, known)}; {_ADVICE}", str(path))

    def _reason(self, name: str, known: Collection[str]) -> str:
        if known:
            return "this was changed since it was exported"
        for entry in self._entries():
            if name in entry["files"]:
                return (
                    f"this is the export as {entry['kind']} of the sweep {entry['sweep']!r} in "
                    f"{entry['results']}"
                )
        return "no export of this sweep made this"

    @property
    def _owner(self) -> dict[str, str]:
        return {"kind": self.kind, "sweep": self.sweep, "results": str(self.results.resolve())}

    def _known(self) -> dict[str, list[str]]:
        """The hashes by name that earlier calls of the same kind for the same sweep recorded."""
        found = [e["files"] for e in self._entries() if e.items() >= self._owner.items()]
        return dict(found[0]) if found else {}

    def _entries(self) -> list[dict[str, Any]]:
        path = self.folder / RECORD_NAME
        if not is_there(path):
            return []
        try:
            content = json.loads(read_file(path))
            entries: list[dict[str, Any]] = content["outputs"]
            if all(isinstance(one["files"], dict) for one in entries):
                return entries
        except (StorageError, ValueError, KeyError, TypeError, RecursionError):
            pass
        raise BadInputError(f"this is no record of exports; {_ADVICE}", str(path))

    def _record(self, files: Mapping[str, list[str]]) -> None:
        others = [e for e in self._entries() if not e.items() >= self._owner.items()]
        content = {"outputs": [*others, {**self._owner, "files": dict(files)}]}
        atomic_write(self.folder / RECORD_NAME, (json.dumps(content, indent=1) + "\n").encode())


_ADVICE = "move it away, or name another place"
