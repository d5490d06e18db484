from __future__ import annotations

import pytest
import torch

from benchmarks import augmentation


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_the_batched_views_are_those_of_the_reference() -> None:
    facts = augmentation.measure(num_pairs=1, batch_size=24)
    assert facts["valid"]
    assert facts["usual"]["ratio"] > 0
    assert "gate 8" in augmentation.text(facts)


def test_views_that_differ_void_the_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    right = augmentation.lean

    def shifted(images: torch.Tensor, step: int) -> list[torch.Tensor]:
        return [view.roll(1, dims=3) for view in right(images, step)]

    monkeypatch.setattr(augmentation, "lean", shifted)
    facts = augmentation.measure(num_pairs=1, batch_size=24)
    assert not facts["valid"]
    assert "usual" not in facts
    assert "void" in augmentation.text(facts)
