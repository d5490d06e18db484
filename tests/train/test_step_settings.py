"""Precision, compilation and graphs: what a device cannot do is refused, and packs share them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch._inductor import cpp_builder

from lps_sweep.errors import BadInputError
from lps_sweep.sweep.store import Folder
from lps_sweep.sweep.trunks import make_trunk
from lps_sweep.train import Pretraining, check_step
from lps_sweep.train.device import set_convolutions
from tests.train.step_cases import with_loop
from tests.train.train_cases import CPU, config_of, image_set, run_of


@pytest.mark.parametrize(
    ("loop", "device"),
    [
        ({"graph": True}, "cpu"),
        ({"precision": "tf32"}, "cpu"),
        ({"precision": "bfloat16"}, "cuda"),
        ({"compile": True}, "cpu"),
        ({"compile": True}, "cuda"),
    ],
    ids=str,
)
def test_what_a_device_cannot_do_is_refused_by_its_own_name(
    loop: dict[str, Any], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", lambda: "")
    monkeypatch.setattr("torch.utils._triton.has_triton", lambda: False)
    (name,) = loop
    with pytest.raises(BadInputError, match=name) as refused:
        check_step(with_loop(config_of(), **loop).loop, torch.device(device))
    assert refused.value.where == name
    if loop != {"precision": "tf32"}:
        ours = config_of(pretrain={f"pretrain_{name}": loop[name]})
        with pytest.raises(BadInputError, match=f"pretrain_{name}"):
            Pretraining(ours, image_set(), torch.device(device))


def test_a_run_or_a_trunk_is_not_begun_for_it(tmp_path: Path) -> None:
    config = with_loop(config_of(), graph=True)
    with pytest.raises(BadInputError, match="CUDA graphs"):
        run_of([config])
    with pytest.raises(BadInputError, match="CUDA graphs"):
        next(make_trunk(Folder(tmp_path), "recipe", config, ("cpu", 1), interval_s=0))
    assert list(tmp_path.iterdir()) == []


def test_half_precision_is_for_a_cpu_without_asking_a_gpu() -> None:
    check_step(with_loop(config_of(), precision="bfloat16").loop, CPU)


def test_the_arithmetic_of_convolutions_is_set_whatever_was_set_before() -> None:
    cudnn: Any = torch.backends.cudnn
    before = cudnn.conv.fp32_precision
    try:
        for precision in ("ieee", "tf32", "ieee"):
            set_convolutions(precision)
            assert cudnn.conv.fp32_precision == precision
            assert cudnn.allow_tf32 == (precision == "tf32")
            assert torch.backends.cuda.matmul.fp32_precision == "ieee"
            cudnn.conv.fp32_precision = "tf32"
    finally:
        set_convolutions(before)
