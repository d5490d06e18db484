"""What the checks of all losses need of one: batches, its terms, and the same from a definition."""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from lps_sweep.methods.hyper import Hyper
from tests.methods.losses.slow import Matrix

Slow = Callable[..., dict[str, float]]
"""Values of 0-d terms by name, `total` among them, of the leaves as matrices in their order."""


FEATURES = ("features", "projections")
"""Names of what partners are found by, which no gradient is taken of."""


@dataclass(frozen=True)
class Case:
    """A batch.

    Attributes:
        leaves: What gradients are taken of, float64 if nothing else is said; they are made leaves.
        labels: (n_l,), of the first rows.
        more: What else the loss is given.
    """

    leaves: dict[str, Tensor]
    labels: Tensor
    more: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for leaf in self.leaves.values():
            leaf.requires_grad_()

    @property
    def dtype(self) -> torch.dtype:
        """That of the loss."""
        double = any(x.dtype == torch.float64 for x in self.leaves.values())
        return torch.float64 if double else torch.float32

    def changed(self, change: Callable[[str, Tensor], Tensor]) -> Case:
        """With other leaves: `change` gets the name and a copy of each."""
        leaves = {name: change(name, x.detach().clone()) for name, x in self.leaves.items()}
        return Case(leaves, self.labels, self.more)

    def spoilt(self, places: Sequence[tuple[str, int]], value: float) -> Case:
        """With `value` in rows of leaves."""

        def change(name: str, x: Tensor) -> Tensor:
            x[[row for leaf, row in places if leaf == name]] = value
            return x

        return self.changed(change)

    def to(self, dtype: torch.dtype) -> Case:
        """With leaves and features of `dtype`; what else there is has at least single precision."""
        single = torch.float64 if dtype == torch.float64 else torch.float32

        def to(name: str, given: Any) -> Any:
            kind = dtype if name in FEATURES else single
            return tree_map(functools.partial(_cast, dtype=kind), given)

        case = self.changed(lambda _, x: x.to(dtype))
        more = {name: to(name, given) for name, given in case.more.items()}
        return Case(case.leaves, case.labels, more)

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Case:
        """With `change` of every tensor, leaves or not."""

        def of(x: Any) -> Any:
            return change(x) if isinstance(x, Tensor) else x

        case = self.changed(lambda _, x: change(x))
        return Case(case.leaves, change(case.labels), tree_map(of, case.more))

    def gradients(self, total: Tensor) -> list[Tensor]:
        """Of `total` with respect to the leaves, zeros where it does not read one."""
        return list(
            torch.autograd.grad(
                total, [*self.leaves.values()], retain_graph=True, materialize_grads=True
            )
        )

    def matrices(self) -> list[Matrix]:
        """The leaves as numbers."""
        return [x.tolist() for x in self.leaves.values()]


def _cast(x: Any, dtype: torch.dtype) -> Any:
    return x.to(dtype) if isinstance(x, Tensor) and x.is_floating_point() else x


class Drawn:
    """Normal numbers in double precision, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator, dtype=torch.float64)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.generator, dtype=torch.float64)


def in_turn(num_labeled: int, num_classes: int) -> Tensor:
    """Labels of classes that take turns."""
    return torch.arange(num_labeled) % num_classes


class Loss(ABC):
    """A loss of a method.

    Attributes:
        module: That of the loss, in which defects are planted.
        config: Class of the configuration, of which `terms` takes values.
        settings: Values that are compared with the definition.
        batches: Arguments of `case`, likewise.
        defects: "right => wrong" in the source of `module`; the comparison must see each.
        off: Values that switch terms off, and rows of leaves that only these read.
        fewest: Rows of the smallest batch.
    """

    module: ModuleType
    config: Any
    settings: ClassVar[Sequence[dict[str, Any]]] = ({},)
    batches: ClassVar[Sequence[dict[str, Any]]] = (
        {},
        {"num_labeled": 0},
        {"num_labeled": 1},
        {"num_labeled": 7},
    )
    defects: ClassVar[Sequence[str]] = ()
    off: ClassVar[Sequence[tuple[dict[str, Any], Sequence[tuple[str, int]]]]] = ()
    fewest: ClassVar[int] = 1

    @abstractmethod
    def case(self, num_rows: int = 7, num_labeled: int = 3, *, scale: float = 1.0) -> Case:
        """A batch of random numbers of about `scale` times what is usual."""

    @abstractmethod
    def terms(self, case: Case, of: ModuleType, **values: Any) -> Any:
        """What `of`, which is `module` or a mutant of it, makes of a batch."""

    @abstractmethod
    def slow(self, case: Case, **values: Any) -> tuple[Mapping[str, Any], Slow]:
        """From the definition: what carries no gradient by name, and the terms."""

    def of(self, case: Case, **values: Any) -> Any:
        """The terms as they are."""
        return self.terms(case, self.module, **values)

    def hyper(self, case: Case, **values: Any) -> Hyper:
        """Of the configuration with these values."""
        return Hyper.of(self.config(**values), case.labels.device, case.dtype)


def is_finite(case: Case, terms: Any) -> bool:
    """Total and gradients."""
    gradients = case.gradients(terms.total)
    return math.isfinite(terms.total.item()) and all(bool(g.isfinite().all()) for g in gradients)
