from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lps_sweep.config import DataConfig
from lps_sweep.data import fingerprint, load
from lps_sweep.data.prepare import decode, prepare
from lps_sweep.errors import BadInputError
from tests.data.imagenet_cases import NAMES, picture, write_class_folders


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_class_folders(tmp_path_factory.mktemp("imagenet"))
    prepare(root, 32, num_workers=1)
    return root


@pytest.fixture
def root(prepared: Path, tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(shutil.copytree(prepared, tmp_path / "imagenet"))


def config(root: Path, size: int = 32) -> DataConfig:
    return DataConfig(dataset="imagenet100", data_root=str(root), image_size=size)


def test_images_come_by_class_and_file_name(prepared: Path) -> None:
    images = load(config(prepared))
    assert images.images.shape == (200, 3, 32, 32)
    assert isinstance(images.images, np.memmap)
    assert not images.images.flags.writeable
    assert images.labels.tolist() == [label for label in range(100) for _ in range(2)]
    assert images.class_names == NAMES
    for number in (0, 1, 77, 199):
        name = NAMES[number // 2]
        file = prepared / "train" / name / f"{name}_{number % 2}.JPEG"
        assert np.array_equal(images.images[number], decode(file, 32))


def test_the_folder_may_be_named_or_its_parent(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fingerprint(config(root))
    parent = tmp_path / "data"
    parent.mkdir()
    root.rename(parent / "imagenet100")
    assert fingerprint(config(parent)) == expected
    monkeypatch.chdir(tmp_path)
    assert fingerprint(DataConfig(dataset="imagenet100", image_size=32)) == expected


def test_the_fingerprint_is_of_names_pixels_and_size(prepared: Path, root: Path) -> None:
    found = {fingerprint(config(prepared))}
    assert fingerprint(config(root)) in found
    prepare(root, 64, num_workers=1)
    found.add(fingerprint(config(root, 64)))
    folder = root / "train" / NAMES[3]
    (folder / f"{NAMES[3]}_0.JPEG").rename(folder / "other.JPEG")
    prepare(root, 32, num_workers=1)
    found.add(fingerprint(config(root)))
    picture(900, 40, 40).save(folder / "other.JPEG")
    shutil.rmtree(root / "imagenet100-32")
    prepare(root, 32, num_workers=1)
    found.add(fingerprint(config(root)))
    assert len(found) == 4


@pytest.mark.parametrize("size", [0, 33, 1056])
def test_what_is_no_stored_size_is_refused(prepared: Path, size: int) -> None:
    with pytest.raises(BadInputError, match=rf"^image_size: .* 32 .*not {size}"):
        load(config(prepared, size))


def pixels_file(root: Path) -> Path:
    (file,) = (root / "imagenet100-32").glob("images-*.uint8")
    return file


def test_a_cut_and_a_missing_file_of_pixels_are_named(root: Path) -> None:
    file = pixels_file(root)
    os.truncate(file, 1000)
    with pytest.raises(BadInputError, match=rf"{file.name}: .* 1000 bytes, .* 614400"):
        load(config(root))
    file.unlink()
    with pytest.raises(BadInputError, match=f"{file.name}: "):
        load(config(root))


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: {**facts, "version": 2},
        lambda facts: {**facts, "image_size": 64},
        lambda facts: {**facts, "classes": facts["classes"][1:]},
        lambda facts: {"version": facts["version"]},
        lambda facts: [facts],
    ],
)
def test_a_changed_manifest_is_named(root: Path, change: object) -> None:
    assert callable(change)
    file = root / "imagenet100-32" / "manifest.json"
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(BadInputError) as refused:
        load(config(root))
    assert refused.value.where == str(file)


def test_orientation_is_not_heeded_and_modes_become_rgb(tmp_path: Path) -> None:
    image = picture(3, 60, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.JPEG", exif=exif)
    image.save(tmp_path / "plain.JPEG")
    assert np.array_equal(decode(tmp_path / "turned.JPEG", 32), decode(tmp_path / "plain.JPEG", 32))
    image.convert("CMYK").save(tmp_path / "cmyk.JPEG")
    assert decode(tmp_path / "cmyk.JPEG", 32).shape == (3, 32, 32)
    image.convert("L").save(tmp_path / "png in disguise.JPEG", format="PNG")
    red, green, blue = decode(tmp_path / "png in disguise.JPEG", 32)
    assert np.array_equal(red, green)
    assert np.array_equal(green, blue)
