from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.data.class_folders import list_class_folders
from lps_sweep.errors import BadInputError
from tests.data.irregular import KINDS

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


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfn00000003\r\nn00000001 star\r\n",
        b"n00000003\tstarfish\tsea star\n  n00000001\t # a comment\n\t\n \n#\n",
        b"\tn00000003  \rn00000001\r",
        "n00000003 étoile de mer\nn00000001\u00a0x".encode(),
    ],
)
def test_a_list_is_taken_as_editors_leave_it(root: Path, content: bytes) -> None:
    (root / "classes.txt").write_bytes(content)
    assert [one.name for one in list_class_folders(root, 2)] == ["n00000001", "n00000003"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("n00000003\nn00000001 étoile\n".encode("latin-1"), 2),
        ("n00000003\rn00000002\r\nn00000001 étoile\r".encode("latin-1"), 3),
        ("n00000003\nn00000001\n".encode("utf-16"), 1),
        ("n00000003\nn00000001\n".encode("utf-16-le"), 1),
        (b"n00000003\nn00000001\x00\n", 2),
    ],
)
def test_a_list_that_is_no_utf_8_is_named_by_line(root: Path, content: bytes, line: int) -> None:
    (root / "classes.txt").write_bytes(content)
    with pytest.raises(BadInputError) as refused:
        list_class_folders(root, 2)
    assert refused.value.where == f"{root / 'classes.txt'}:{line}"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["train/n00000001/x.JPEG", "classes.txt", "train/n4"])
def test_what_is_no_regular_file_is_named_and_not_waited_for(
    root: Path, name: str, kind: str
) -> None:
    KINDS[kind](root / name)
    with pytest.raises(BadInputError) as refused:
        list_class_folders(root, 3)
    assert refused.value.where == str(root / name)


def test_hidden_names_are_passed_over(root: Path) -> None:
    (root / "train" / ".DS_Store").touch()
    (root / "train" / NAMES[0] / "._x.JPEG").touch()
    assert len(list_class_folders(root, 3)[0].files) == 3


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("n00000001\nn00000001\nn00000002\n", "classes.txt:2"),
        ("n00000001\n../../etc\n", "classes.txt:2"),
        ("n00000001\n", "classes.txt"),
        ("n00000001\nn00000002\nn00000009\n", "train/n00000009"),
    ],
)
def test_a_wrong_list_is_named(root: Path, text: str, where: str) -> None:
    (root / "classes.txt").write_text(text)
    with pytest.raises(BadInputError) as refused:
        list_class_folders(root, 3)
    assert refused.value.where == str(root / where)


def test_folders_that_are_not_as_expected_are_named(root: Path, tmp_path: Path) -> None:
    cases = [(root, 2, "train"), (tmp_path / "none", 3, "train")]
    for file in (root / "train" / NAMES[2]).iterdir():
        file.rename(file.parent.parent / NAMES[1] / f"more_{file.name}")
    cases.append((root, 3, f"train/{NAMES[2]}"))
    for folder, number, where in cases:
        with pytest.raises(BadInputError) as refused:
            list_class_folders(folder, number)
        assert refused.value.where == str(folder / where)


@pytest.mark.parametrize("stray", ["train/n00000001/notes.txt", "train/archive.tar"])
def test_what_belongs_to_no_class_is_named(root: Path, stray: str) -> None:
    (root / stray).touch()
    with pytest.raises(BadInputError) as refused:
        list_class_folders(root, 3)
    assert refused.value.where == str(root / stray)
