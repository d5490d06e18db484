from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from lps_sweep.config import Config, DataConfig, PretrainConfig, TrunkConfig
from lps_sweep.errors import BadInputError
from lps_sweep.methods.lps import LPSConfig
from lps_sweep.models import build_network
from lps_sweep.train import read_released
from tests.train.released_cases import released_net, write_released

State = dict[str, Any]


def config_of(file: Path, network: str = "resnet18", dataset: str = "cifar100") -> Config:
    return Config(
        method=LPSConfig(),
        data=DataConfig(dataset=dataset),
        trunk=TrunkConfig(network=network),
        pretrain=PretrainConfig(pretrained=str(file)),
    )


def saved(folder: Path, change: Callable[[State], Any]) -> Config:
    """The configuration with a file whose state `change` has returned."""
    torch.save(change(dict(released_net().state_dict())), folder / "weights.pth.tar")
    return config_of(folder / "weights.pth.tar")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    file = write_released(tmp_path_factory.mktemp("released") / "simclr_cifar_100.pth.tar")
    return read_released(config_of(file))[0]


def test_the_network_computes_what_the_released_one_does(expected: dict[str, Tensor]) -> None:
    network = build_network("resnet18", 3)
    network.load_state_dict(expected)
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    theirs = released_net().eval()
    with torch.no_grad():
        assert torch.allclose(network.eval()(images), theirs(images), rtol=1e-5, atol=1e-5)
        theirs.layer3[1].bn2.weight += 0.1
        assert not torch.allclose(network(images), theirs(images), rtol=1e-2, atol=1e-2)


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    file = write_released(tmp_path / "simclr_cifar_10.pth.tar")
    assert read_released(config_of(file))[1] == hashlib.sha256(file.read_bytes()).hexdigest()


def _old_format(folder: Path) -> Config:
    file = folder / "old.pth.tar"
    torch.save(released_net().state_dict(), file, _use_new_zipfile_serialization=False)
    return config_of(file)


def _wrapped(folder: Path, wrapper: str) -> Config:
    def change(state: State) -> State:
        inner = {f"{wrapper}{name}": value for name, value in state.items()}
        heads = {f"{wrapper}linear.weight": torch.ones(2), "fc.bias": torch.ones(2)}
        return inner | heads | {"module.contrastive_head.5.weight": torch.ones(2)}

    return saved(folder, change)


@pytest.mark.parametrize(
    "form",
    [_old_format, *(partial(_wrapped, wrapper=w) for w in ("encoder.", "module.backbone."))],
)
def test_wrappers_and_heads_are_taken_off_and_an_older_format_is_read(
    tmp_path: Path, expected: dict[str, Tensor], form: Callable[[Path], Config]
) -> None:
    state, _ = read_released(form(tmp_path))
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], value) for name, value in expected.items())


def test_halves_become_floats(tmp_path: Path) -> None:
    halves = saved(tmp_path, lambda state: {n: _half(v) for n, v in state.items()})
    types = {name: value.dtype for name, value in read_released(halves)[0].items()}
    assert {t for n, t in types.items() if not n.endswith("tracked")} == {torch.float32}
    assert {t for n, t in types.items() if n.endswith("tracked")} == {torch.int64}


def _half(value: Tensor) -> Tensor:
    return value.half() if value.is_floating_point() else value


def without(*names: str) -> Callable[[State], State]:
    return lambda state: {name: value for name, value in state.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            without("layer2.0.shortcut.0.weight", "bn1.running_var"),
            r"resnet18; missing: bn1\.running_var, layer2\.0\.shortcut\.0\.weight$",
        ),
        (lambda state: state | {"layer5.x": torch.ones(1)}, r"resnet18; left over: layer5\.x$"),
        (lambda _state: {"net.weight": torch.ones(1)}, r"and 112 more; left over: net\.weight$"),
        (
            lambda state: state | {"conv1.weight": torch.ones(64, 3, 7, 7)},
            r"another shape: conv1\.weight \(64, 3, 7, 7\) instead of \(64, 3, 3, 3\)$",
        ),
        (
            lambda state: state | {"bn1.bias": torch.ones(64, dtype=torch.int64)},
            r"another type: bn1\.bias torch\.int64$",
        ),
        (
            lambda state: state | {"module.conv1.weight": state["conv1.weight"]},
            r"has conv1\.weight more than once$",
        ),
        (
            lambda state: {"epoch": 500, "state_dict": state},
            r"no flat dictionary of tensors: epoch, state_dict; save the network's",
        ),
        (lambda state: list(state.values()), "holds a list, not a dictionary of tensors$"),
    ],
)
def test_whatever_does_not_match_is_told(
    tmp_path: Path, change: Callable[[State], Any], message: str
) -> None:
    with pytest.raises(BadInputError, match=rf"^pretrained: .*weights\.pth\.tar .*{message}"):
        read_released(saved(tmp_path, change))


def test_weights_of_imagenet_are_a_resnet50s(tmp_path: Path) -> None:
    """The names that torchvision has: downsample, fc."""
    torch.manual_seed(3)
    theirs = torchvision.models.resnet50(weights=None).eval()
    file = tmp_path / "simclr_imagenet_100.pth.tar"
    torch.save({f"backbone.{name}": value for name, value in theirs.state_dict().items()}, file)
    state, _ = read_released(config_of(file, network="resnet50", dataset="imagenet100"))
    network = build_network("resnet50", 3)
    network.load_state_dict(state)
    released = theirs.state_dict()
    assert torch.equal(
        state["parts.stage2.0.downsample.1.bias"], released["layer2.0.downsample.1.bias"]
    )
    assert torch.equal(state["parts.stem.0.weight"], released["conv1.weight"])
    theirs.fc = nn.Identity()
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(network.eval()(images), theirs(images), rtol=1e-5, atol=1e-5)


class Canary:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_hostile_file_is_refused_and_not_executed(tmp_path: Path, zipped: bool) -> None:
    file, nest = tmp_path / "w.pth.tar", tmp_path / "nest"
    state = {**released_net().state_dict(), "x": Canary(nest)}
    torch.save(state, file, _use_new_zipfile_serialization=zipped)
    torch.load(file, weights_only=False)
    nest.rmdir()  # without the guard it is there
    with pytest.raises(BadInputError, match="is no file of weights"):
        read_released(config_of(file))
    assert not nest.exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dataset": "digits"}, r"conv1\.weight \(64, 3, 3, 3\) instead of \(64, 1, "),
        ({"network": "small_cnn"}, "of a resnet18 or a resnet50, not of a small_cnn"),
        ({"network": "resnet50"}, "the weights of a resnet50; missing: .*; left over: "),
    ],
)
def test_weights_of_another_network_are_refused(
    tmp_path: Path, given: dict[str, str], message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        read_released(config_of(write_released(tmp_path / "w.pth.tar"), **given))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda file: file.write_bytes(b""), "is no file of weights"),
        (lambda file: file.write_bytes(b"PK\x03\x04 no zip"), "is no file of weights"),
        (os.mkfifo, "it is a pipe"),
        (lambda _: None, "No such file"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    file = tmp_path / "w.pth"
    make(file)
    with pytest.raises(BadInputError, match=rf"^pretrained: .*w\.pth:? {message}"):
        read_released(config_of(file))
