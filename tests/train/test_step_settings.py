"""Precision, compilation and graphs: what a device cannot do is refused, and packs share them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from lps_sweep.config import LoopConfig, flat
from lps_sweep.errors import BadInputError
from lps_sweep.sweep.trunks import make_trunk
from lps_sweep.train import check_step
from lps_sweep.train.device import set_convolutions
from tests.train.step_cases import with_loop
from tests.train.train_cases import config_of, run_of


@pytest.mark.parametrize(
    ("loop", "reason"),
    [({"graph": True}, "CUDA graphs"), ({"precision": "tf32"}, "take float32")],
)
def test_what_needs_a_gpu_is_refused_without_one(loop: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        run_of([with_loop(config_of(), **loop)])


def test_nor_is_a_trunk_made_for_it(tmp_path: Path) -> None:
    values = flat(with_loop(config_of(), graph=True))
    with pytest.raises(BadInputError, match="CUDA graphs"):
        next(make_trunk(tmp_path, "recipe", values, ("cpu", 1), interval_s=0))
    assert list(tmp_path.iterdir()) == []


def test_half_precision_is_refused_where_it_would_be_acted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    loop = with_loop(config_of(), precision="bfloat16").loop
    with pytest.raises(BadInputError, match="not in this GPU"):
        check_step(loop, torch.device("cuda"))
    check_step(loop, torch.device("cpu"))


def test_members_share_how_a_step_is_done() -> None:
    run = run_of([config_of()])
    for loop in ({"graph": True}, {"compile": True}, {"precision": "tf32"}):
        with pytest.raises(ValueError, match="differs in what a pack shares"):
            run.add("stranger", with_loop(config_of(), **loop))


def test_the_step_as_it_stands_is_the_default() -> None:
    default = LoopConfig()
    assert (default.graph, default.compile, default.precision) == (False, False, "float32")


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
