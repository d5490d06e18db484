"""ImageNet's own layout: a folder of image files per class, ``train/<synset>/*.JPEG``."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from lps_sweep.errors import BadInputError
from lps_sweep.files import not_regular, read_text

LIST_NAME = "classes.txt"
"""The classes to take, a line each: the synset is its first word, what follows is for people."""

MAX_LIST_BYTES = 1 << 20

SYNSET = re.compile(r"n\d{8}")
SUFFIXES = (".jpeg", ".jpg", ".png")
"""Of image files, in small or capital letters; what is in them decides how they are decoded."""


@dataclass(frozen=True)
class ClassFolder:
    """The images of a class.

    Attributes:
        name: The synset, ``n01558993``.
        folder: Where they lie.
        files: Their names, ascending.
    """

    name: str
    folder: Path
    files: tuple[str, ...]


def list_class_folders(root: Path, num_classes: int) -> tuple[ClassFolder, ...]:
    """The classes below ``root/train`` by ascending synset, each with its files.

    ``root/classes.txt`` says which classes; without it there must be folders of exactly
    `num_classes`. Names that begin with a dot are passed over.

    Raises:
        BadInputError: A folder is missing, the number of classes is another, a class has no image,
            or a file is no image by its name.
    """
    train = root / "train"
    if not train.is_dir():
        raise BadInputError(
            "no such folder; the images are expected as train/<synset>/*.JPEG", where=str(train)
        )
    listed = root / LIST_NAME
    is_listed = os.path.lexists(listed)
    names = _read_list(listed) if is_listed else _subfolders(train)
    if len(names) != num_classes:
        raise BadInputError(
            f"{len(names)} classes, but it takes {num_classes}"
            + ("" if is_listed else f"; say in {listed} which to take, a synset a line"),
            where=str(listed if is_listed else train),
        )
    return tuple(_class_folder(train / name) for name in sorted(names))


def _read_list(file: Path) -> list[str]:
    names: list[str] = []
    for number, line in enumerate(read_text(file, MAX_LIST_BYTES).split("\n"), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        name = words[0]
        if not SYNSET.fullmatch(name):
            raise BadInputError(f"{name!r} is no synset, such as n01558993", f"{file}:{number}")
        if name in names:
            raise BadInputError(f"{name} is there twice", where=f"{file}:{number}")
        names.append(name)
    return names


def _subfolders(train: Path) -> list[str]:
    names = [entry.name for entry in train.iterdir() if not entry.name.startswith(".")]
    for name in sorted(names):
        if not (train / name).is_dir() or not SYNSET.fullmatch(name):
            raise BadInputError(
                "no folder of a class, whose name is a synset such as n01558993",
                where=str(train / name),
            )
    return names


def _class_folder(folder: Path) -> ClassFolder:
    if not folder.is_dir():
        raise BadInputError("no such folder", where=str(folder))
    with os.scandir(folder) as entries:  # which knows of each file whether it is one
        regular = {e.name: e.is_file() for e in entries if not e.name.startswith(".")}
    files = sorted(regular)
    wrong = [name for name in files if not name.lower().endswith(SUFFIXES)]
    if wrong:
        raise BadInputError(
            f"no image by its name; images end in {', '.join(SUFFIXES)}",
            where=str(folder / wrong[0]),
        )
    if not all(regular.values()):
        stray = folder / next(name for name in files if not regular[name])
        raise BadInputError(f"no image: {not_regular(stray)}", where=str(stray))
    if not files:
        raise BadInputError("a class without an image", where=str(folder))
    return ClassFolder(folder.name, folder, tuple(files))
