"""The numbers of the paper's Tables 1 to 9, and whether a sweep has the paper's setting."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lps_sweep.results.records import Json

PAPER_RUNS = 3
"""Runs behind each accuracy of the paper."""
STATED_RUNS = frozenset({1, 3, 4})
"""Tables that state their number of runs; of the others `PAPER_RUNS` is assumed."""

DEFAULTS: dict[str, float] = {
    "C": 10.0,
    "tau": 0.4,
    "eta1": 1.0,
    "eta2": 1.0,
    "w_entropy": 1.0,
    "lambda_seen": 0.95,
    "lambda_novel_start": 0.4,
    "lambda_novel_end": 0.8,
}
"""The paper's own hyper-parameters, which each of its tables keeps but for the one that it varies.
"""

ABLATION_ARMS: dict[str, tuple[str, float]] = {
    "without_margin": ("C", 0.0),
    "without_pc": ("eta1", 0.0),
    "without_uc": ("eta2", 0.0),
    "without_entropy": ("w_entropy", 0.0),
}
"""The arms of Table 4 and the parameter whose zero is the arm."""

_DATASETS = {
    "cifar10": ("CIFAR-10", 10),
    "cifar100": ("CIFAR-100", 100),
    "digits": ("digits", 10),
    "fashion_mnist": ("Fashion-MNIST", 10),
}
_NETWORKS = {"resnet18": "ResNet-18"}
_EPOCHS, _BATCH_SIZE, _RATIOS, _FROZEN = 200, 512, (0.1, 0.5), ("stage3", "none")


@dataclass(frozen=True)
class PaperNumber:
    """One number of the paper, in percent.

    Attributes:
        table: Number of the table.
        dataset: cifar10, cifar100 or imagenet100.
        labeled_ratio: Share of the seen classes' images that are labeled.
        method: Name of the method, as the paper writes it.
        parameter: The varied parameter; "arm" in Table 4, empty where methods are compared.
        value: Its value, or the name of the arm; empty where methods are compared.
        frozen: Whether the first three stages are frozen.
        metric: acc_seen, acc_novel, acc_all, or nmi_novel (Table 2).
        number: The mean over three runs, with one decimal (NMI: two).
    """

    table: int
    dataset: str
    labeled_ratio: float
    method: str
    parameter: str
    value: float | str
    frozen: bool
    metric: str
    number: float


@cache
def paper_numbers() -> tuple[PaperNumber, ...]:
    """All numbers, in the order of the tables."""
    file = resources.files("lps_sweep.results").joinpath("paper_tables.csv")
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return tuple(_number(row) for row in rows)


def paper_value(
    dataset: str,
    labeled_ratio: float,
    parameter: str = "",
    value: float | str = "",
    *,
    method: str = "LPS",
    frozen: bool = True,
) -> dict[str, float]:
    """The paper's numbers, by metric, where one parameter has `value` and the rest its default.

    Without a parameter: `method` in Tables 1 and 2 (Tables 3 and 9 if not `frozen`). A zero that
    makes an arm of Table 4 (`ABLATION_ARMS`) finds that arm. Empty if the paper has no such cell.
    """
    wanted = {(parameter, value)}
    wanted |= {("arm", arm) for arm, zero in ABLATION_ARMS.items() if zero == (parameter, value)}
    return {
        n.metric: n.number
        for n in paper_numbers()
        if (n.dataset, n.labeled_ratio, n.method, n.frozen)
        == (dataset, labeled_ratio, method, frozen)
        and (n.parameter, n.value) in wanted
    }


def paper_levels(
    dataset: str, labeled_ratio: float, parameter: str
) -> dict[float | str, dict[str, float]]:
    """The values of `parameter` that the paper tried, each with its numbers by metric."""
    levels = {
        n.value: n.table
        for n in paper_numbers()
        if (n.dataset, n.labeled_ratio, n.parameter) == (dataset, labeled_ratio, parameter)
    }
    return {value: paper_value(dataset, labeled_ratio, parameter, value) for value in levels}


def paper_table(parameter: str) -> int | None:
    """Number of the table that varies `parameter` ("arm" for the ablation), or None."""
    tables = {n.parameter: n.table for n in paper_numbers() if n.parameter}
    return tables.get(parameter)


def same_setting(settings: Mapping[str, Json]) -> tuple[bool, str]:
    """Whether resolved `settings` are those of the paper's CIFAR tables, and a phrase that says so.

    Compared: data set, network, epochs, batch size, what is frozen (the first three stages, or
    nothing: Tables 3 and 9), the labeled ratio (Table 1 has 0.1 and 0.5), half of the classes seen.
    The method's own hyper-parameters are what the tables vary. The phrase is, for instance,
    "digits with small_cnn for 20 epochs, not CIFAR with ResNet-18 for 200".
    """
    dataset = str(settings.get("dataset"))
    name, num_classes = _DATASETS.get(dataset, (dataset, 0))
    network, frozen = str(settings.get("network")), str(settings.get("frozen_through"))
    epochs, batch_size = settings.get("epochs"), settings.get("batch_size")
    ratio, seen = settings.get("labeled_ratio"), settings.get("seen_classes")
    half = (0, num_classes // 2, [*range(num_classes // 2)])
    facts = [
        (f"with {_NETWORKS.get(network, network)}", "with ResNet-18", network == "resnet18"),
        (f"for {epochs} epochs", f"for {_EPOCHS}", epochs == _EPOCHS),
        (f"in batches of {batch_size}", f"in batches of {_BATCH_SIZE}", batch_size == _BATCH_SIZE),
        (_frozen_words(frozen), "frozen through stage3 or fine-tuned", frozen in _FROZEN),
        (f"with a labeled ratio of {ratio}", "with 0.1 or 0.5", ratio in _RATIOS),
        (_seen_words(seen), "with the first half of the classes seen", seen in half),
    ]
    is_cifar = dataset in ("cifar10", "cifar100")
    different = [(ours, theirs) for ours, theirs, equal in facts if not equal]
    if is_cifar and not different:
        return True, f"{name} with ResNet-18 for {_EPOCHS} epochs, as in the paper"
    ours = " ".join([name, *(words for words, _ in different)])
    theirs = " ".join([*([] if is_cifar else ["CIFAR"]), *(words for _, words in different)])
    return False, f"{ours}, not {theirs}"


def same_method(settings: Mapping[str, Json], varied: str = "") -> bool:
    """Whether the hyper-parameters in `settings`, but for the `varied` one, are the paper's."""
    return all(settings.get(name, v) == v for name, v in DEFAULTS.items() if name != varied)


def paper_arm(changes: Mapping[str, Json]) -> str | None:
    """The arm of Table 4 that `changes` to the default configuration make; None for any other.

    No change at all is "full".
    """
    if not changes:
        return "full"
    arms = [arm for arm, (name, zero) in ABLATION_ARMS.items() if dict(changes) == {name: zero}]
    return arms[0] if arms else None


def _seen_words(seen: Json) -> str:
    if isinstance(seen, list):
        return f"with {len(seen)} chosen classes seen"
    return "with half of the classes seen" if seen == 0 else f"with the first {seen} classes seen"


def _frozen_words(frozen: str) -> str:
    return "fine-tuned" if frozen == "none" else f"frozen through {frozen}"


def _number(row: Mapping[str, str]) -> PaperNumber:
    parameter, _, value = row["setting"].partition("=")
    if parameter and not value:
        parameter, value = "arm", parameter
    return PaperNumber(
        table=int(row["table"]),
        dataset=row["dataset"],
        labeled_ratio=float(row["labeled_ratio"]),
        method=row["method"],
        parameter=parameter,
        value=value if parameter in ("", "arm") else float(value),
        frozen=row["frozen_backbone"] == "True",
        metric=row["metric"] if row["metric"].startswith("nmi") else f"acc_{row['metric']}",
        number=float(row["value"]),
    )
