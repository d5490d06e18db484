from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.data.class_folders import list_class_folders
from lps_sweep.errors import BadInputError

NAMES = ("n00000001", "n00000002", "n00000003")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in NAMES:
        folder = tmp_path / "train" / name
        folder.mkdir(parents=True)
        for file in (f"{name}_10.JPEG", f"{name}_9.JPEG", f"{name}_1.jpg"):
            (folder / file).touch()
    return tmp_path


def test_classes_and_files_are_sorted(root: Path) -> None:
    found = list_class_folders(root, 3)
    assert tuple(one.name for one in found) == NAMES
    assert found[1].files == ("n00000002_1.jpg", "n00000002_10.JPEG", "n00000002_9.JPEG")
    assert found[1].folder == root / "train" / "n00000002"


def test_a_list_chooses_and_does_not_order(root: Path) -> None:
    text = "# two of them\n\nn00000003 starfish, sea star\nn00000001  # a comment\n"
    (root / "classes.txt").write_text(text)
    assert [one.name for one in list_class_folders(root, 2)] == ["n00000001", "n00000003"]


def test_hidden_names_are_passed_over(root: Path) -> None:
    (root / "train" / ".DS_Store").touch()
    (root / "train" / NAMES[0] / "._x.JPEG").touch()
    assert len(list_class_folders(root, 3)[0].files) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n00000001\nn00000001\nn00000002\n", r"classes\.txt:2: n00000001 is there twice"),
        ("n00000001\n../../etc\n", r"classes\.txt:2: '../../etc' is no synset"),
        ("n00000001\n", r"classes\.txt: 1 classes, but it takes 3$"),
        ("n00000001\nn00000002\nn00000009\n", r"train/n00000009: no such folder"),
    ],
)
def test_a_wrong_list_is_named(root: Path, text: str, message: str) -> None:
    (root / "classes.txt").write_text(text)
    with pytest.raises(BadInputError, match=message):
        list_class_folders(root, 3)


def test_more_classes_than_wanted_need_a_list(root: Path) -> None:
    with pytest.raises(BadInputError, match=r"train: 3 classes, but it takes 2; say in .*classes"):
        list_class_folders(root, 2)


def test_a_missing_train_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"train: no such folder; .* train/<synset>"):
        list_class_folders(tmp_path, 3)


def test_a_class_without_images_is_named(root: Path) -> None:
    for file in (root / "train" / NAMES[2]).iterdir():
        file.unlink()
    with pytest.raises(BadInputError, match="train/n00000003: a class without an image"):
        list_class_folders(root, 3)


@pytest.mark.parametrize(
    ("stray", "message"),
    [
        ("train/n00000001/notes.txt", r"n00000001/notes\.txt: no image by its name"),
        ("train/archive.tar", r"train/archive\.tar: no folder of a class"),
    ],
)
def test_what_belongs_to_no_class_is_named(root: Path, stray: str, message: str) -> None:
    (root / stray).touch()
    with pytest.raises(BadInputError, match=message):
        list_class_folders(root, 3)
