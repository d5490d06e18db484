from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lps_sweep.config import DataConfig
from lps_sweep.data import digits, fingerprint, load
from lps_sweep.errors import BadInputError

DIGITS = DataConfig(dataset="digits")


def test_equals_what_scikit_learn_gives() -> None:
    images = load(DIGITS)
    reference = load_digits()
    assert images.images.shape == (1797, 1, 8, 8)
    expected = [[[round(v * 255 / 16) for v in row] for row in image] for image in reference.images]
    assert np.array_equal(images.images[:, 0], np.array(expected))
    assert (images.images.min(), images.images.max()) == (0, 255)
    assert np.array_equal(images.labels, reference.target)
    assert images.num_classes == 10
    assert images.class_names[7] == "7"


def test_fingerprint_is_that_of_the_images_and_pinned() -> None:
    assert fingerprint(DIGITS) == load(DIGITS).fingerprint()
    assert fingerprint(DIGITS) == fingerprint(DataConfig(dataset="digits", data_root="/elsewhere"))
    assert fingerprint(DIGITS)[:16] == "aea4a8bc9673cb21"


def test_neither_torch_nor_scikit_learn_is_imported() -> None:
    program = (
        "import sys\n"
        "from lps_sweep.config import DataConfig\n"
        "from lps_sweep.data import fingerprint\n"
        "assert len(fingerprint(DataConfig(dataset='digits'))) == 64\n"
        "print([m for m in ('torch', 'ray', 'sklearn', 'scipy', 'pandas') if m in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (ended.stdout.strip(), ended.returncode) == ("[]", 0), ended.stderr


def test_scikit_learn_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(BadInputError, match="pip install scikit-learn"):
        digits.find(DataConfig())


def real_rows() -> list[bytes]:
    (file,) = digits.find(DataConfig())
    return gzip.decompress(file.read_bytes()).splitlines()


def test_a_copy_of_the_table_reads_the_same(tmp_path: Path) -> None:
    copy = tmp_path / "digits.csv.gz"
    copy.write_bytes(gzip.compress(b"\n".join(real_rows())))
    assert digits.read((copy,)).fingerprint() == fingerprint(DIGITS)


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: rows[:-1],
        lambda rows: [b"17" + rows[0][1:], *rows[1:]],
        lambda rows: [b"-1" + rows[0][1:], *rows[1:]],
        lambda rows: [b"0.5" + rows[0][1:], *rows[1:]],
        lambda rows: [b"nan" + rows[0][1:], *rows[1:]],
        lambda rows: [b"x" + rows[0][1:], *rows[1:]],
        lambda rows: [rows[0] + b"0", *rows[1:-1], rows[-1] + b"0"],
        lambda _: [],
    ],
    ids=["short", "high", "negative", "fraction", "nan", "word", "label", "empty"],
)
def test_a_damaged_table_is_refused(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    file = tmp_path / "digits.csv.gz"
    file.write_bytes(gzip.compress(b"\n".join(damage(real_rows()))))
    with pytest.raises(BadInputError, match=r"digits\.csv\.gz: damaged"):
        digits.read((file,))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    (real,) = digits.find(DataConfig())
    file = tmp_path / "digits.csv.gz"
    for size in (0, 5, 1000, real.stat().st_size - 4):
        file.write_bytes(real.read_bytes()[:size])
        with pytest.raises(BadInputError, match=r"digits\.csv\.gz: damaged"):
            digits.read((file,))
