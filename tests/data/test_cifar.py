from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest

from lps_sweep.config import DataConfig
from lps_sweep.data import cifar100, fingerprint, load
from lps_sweep.data.cifar import STAND_INS, unpickle
from lps_sweep.errors import BadInputError
from tests.data.cifar_cases import (
    batch,
    inject,
    rows_and_labels,
    write_cifar10,
    write_cifar100,
)

ROWS, LABELS = rows_and_labels(20, 10)


def config(dataset: str, root: Path) -> DataConfig:
    return DataConfig(dataset=dataset, data_root=str(root))


def read_content(folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads `content` as the file of CIFAR-100, its checksum being right."""
    file = folder / "train"
    file.write_bytes(content)
    inject(monkeypatch, cifar100.CIFAR, [file])
    cifar100.CIFAR.read((file,))


@pytest.mark.filterwarnings("ignore::numpy.exceptions.VisibleDeprecationWarning")
def test_the_small_files_are_what_numpy_takes_for_pickled_arrays() -> None:
    entries = pickle.loads(batch(ROWS, LABELS, b"labels"), encoding="latin1")
    assert np.array_equal(entries["data"], ROWS)
    assert entries["labels"] == LABELS
    assert entries["filenames"][3] == "a_3.png"


def test_cifar10_is_its_five_files_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, labels = write_cifar10(tmp_path, monkeypatch)
    images = load(config("cifar10", tmp_path))
    assert images.images.shape == (40, 3, 32, 32)
    assert np.array_equal(images.images.reshape(40, -1), rows)
    assert images.labels.tolist() == labels
    assert images.class_names[9] == "truck"
    folder = tmp_path / "cifar-10-batches-py"
    assert fingerprint(config("cifar10", folder)) == images.fingerprint()


def test_cifar100_has_fine_labels_and_red_planes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, labels = write_cifar100(tmp_path, monkeypatch)
    images = load(config("cifar100", tmp_path))
    assert images.num_classes == 100
    assert images.labels.tolist() == labels
    assert images.images[7, 0, 1, 2] == rows[7, 32 + 2]
    assert images.images[7, 2, 31, 0] == rows[7, 2 * 1024 + 31 * 32]


def test_another_file_is_refused_before_it_is_unpickled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar10(tmp_path, monkeypatch)
    file = tmp_path / "cifar-10-batches-py" / "data_batch_4"
    content = bytearray(file.read_bytes())
    content[-100] ^= 1
    file.write_bytes(content)
    with pytest.raises(BadInputError, match=r"data_batch_4: .*MD5"):
        fingerprint(config("cifar10", tmp_path))


class Canary:
    """Makes a folder when it is unpickled, by one function or another."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.reduced


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_hostile_file_is_refused_and_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: int
) -> None:
    nest = tmp_path / "nest"
    for function, arguments in (
        (os.mkdir, (str(nest),)),
        (eval, (f"__import__('os').mkdir({str(nest)!r})",)),
    ):
        content = pickle.dumps(Canary(function, *arguments), protocol=protocol)
        pickle.loads(content)
        nest.rmdir()  # without the guard it is there
        with pytest.raises(BadInputError, match=r"it asks for .*; refused"):
            read_content(tmp_path, content, monkeypatch)
        assert not nest.exists()


@pytest.mark.parametrize(
    "name",
    [
        b"numpy\nload",
        b"numpy.core.multiarray\nscalar",
        b"numpy\ndtype.__class__",
        b"numpy.core.multiarray\n_reconstruct.__globals__",
        b"builtins\ngetattr",
        b"__builtin__\neval",
        b"copy_reg\n_reconstructor",
    ],
)
def test_no_other_name_is_given_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    content = batch(ROWS, LABELS, b"fine_labels", constructor=b"c" + name + b"\n")
    with pytest.raises(BadInputError, match=r"train: no batch .* it asks for .*; refused"):
        read_content(tmp_path, content, monkeypatch)


def test_a_pickle_cannot_write_to_the_stand_ins() -> None:
    before = {name: dict(vars(it)) for name, it in STAND_INS.items() if it is not None}
    for module, name in STAND_INS:
        for state in (b"}U\x01xK\x01s", b"(N}U\x08__init__K\x01st"):
            content = b"\x80\x02c" + f"{module}\n{name}\n".encode() + state + b"b."
            with pytest.raises((TypeError, AttributeError)):
                unpickle(content)
    assert {name: dict(vars(it)) for name, it in STAND_INS.items() if it is not None} == before


def too_long() -> bytes:
    """A text that claims to be two gigabytes long."""
    return b"\x80\x02T" + struct.pack("<i", 2**31 - 1) + b"x."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "EOFError"),
        (batch(ROWS, LABELS, b"fine_labels")[:-5000], "pickle data was truncated"),
        (too_long(), "pickle data was truncated"),
        (b"\x80\x02K\x01.", "TypeError"),
        (batch(ROWS, LABELS, b"labels"), "fine_labels"),
        (batch(ROWS, LABELS[:19], b"fine_labels"), "20"),
        (batch(ROWS, [100, *LABELS[1:]], b"fine_labels"), r"0\.\.99"),
        (batch(ROWS[:, :3000], LABELS, b"fine_labels"), "3000"),
        (batch(ROWS, LABELS, b"fine_labels", kind=b"O"), "bytes"),
    ],
)
def test_a_file_that_is_no_batch_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    with pytest.raises(BadInputError, match=rf"train: no batch of CIFAR-100: .*{message}"):
        read_content(tmp_path, content, monkeypatch)
