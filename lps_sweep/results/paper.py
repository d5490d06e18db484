"""The numbers of the paper's Tables 1 to 9, and whether a sweep has the paper's setting."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lps_sweep.config import (
    DATA_SETS,
    METHODS,
    Located,
    as_json,
    build_config,
    config_class,
    field_table,
    flat,
    preset_values,
    shown,
)
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

_PAPERS_OWN = ("cifar10", "cifar100", "imagenet100")
_NETWORKS = {"resnet18": "ResNet-18", "resnet50": "ResNet-50"}
_WORDS = {
    "network": "with {}",
    "epochs": "for {} epochs",
    "batch_size": "in batches of {}",
    "frozen_through": "frozen through {}",
    "labeled_ratio": "with a labeled ratio of {}",
}
"""How `same_setting` calls a value, by field; any other as ``field = value``."""
_ALWAYS = frozenset({*_WORDS, "dataset", "seen_classes", "novel_classes", "assumed_classes"})
"""Fields that decide whether a setting is the paper's, though the sweep varies them."""
_NO_DIFFERENCE = ("compile", "graph", "rule_images")
"""How steps are carried out and what else is measured, which a paper does not say."""


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


def same_setting(settings: Mapping[str, Json], varied: str = "") -> tuple[bool, str]:
    """Whether resolved `settings` are those of the paper's tables, and a phrase that says so.

    Compared is every value of the paper's preset but the `varied` one, those of the pre-training,
    and how steps are done. Which method it is does not count here, but its hyper-parameters do. The
    phrase is, for instance, "digits with small_cnn, not CIFAR with ResNet-18".
    """
    dataset, method = str(settings.get("dataset")), str(settings.get("method", "lps"))
    is_papers = dataset in _PAPERS_OWN
    preset = _preset(
        dataset if is_papers else "cifar100",
        method if method in METHODS else "lps",
        str(settings.get("recipe", "unified")),
    )
    skipped = {varied} - _ALWAYS
    words: tuple[list[str], list[str]] = [], []
    values: tuple[list[str], list[str]] = [], []
    for field in dict.fromkeys((*_WORDS, *settings)):
        value = settings.get(field, preset.get(field))
        if field == "dataset" or field in skipped or field not in preset:
            continue
        known = _papers_values(field, preset, num_classes(dataset))
        if value not in known:
            phrase, found = (
                _WORDS.get(field, f"{field} = {{}}"),
                words if field in _WORDS else values,
            )
            found[0].append(phrase.format(_shown(value)))
            found[1].append(phrase.format(" or ".join(map(_shown, known[:2]))))
    title = DATA_SETS[dataset].title if dataset in DATA_SETS else dataset
    if is_papers and not (words[0] or values[0]):
        network = _shown(preset["network"])
        return True, f"{title} with {network} for {preset['epochs']} epochs, as in the paper"
    ours, theirs = (
        " ".join([*first, *some, *(["with", " and ".join(more)] if more else [])])
        for first, some, more in zip(
            ([title], [] if is_papers else ["CIFAR"]), words, values, strict=True
        )
    )
    return False, f"{ours}, not {theirs}"


def _papers_values(field: str, preset: Mapping[str, Json], total: int) -> list[Json]:
    """The values of `field` that are the paper's, of a data set with `total` classes.

    Of a labeled ratio it has two; of CIFAR also trunks that are not frozen (Tables 3 and 9). 32-bit
    numbers in torch's own arithmetic on the paper's GPU are as good as the preset's.
    """
    value, half = preset[field], total // 2
    others: dict[str, list[Json]] = {
        "labeled_ratio": [0.1, 0.5],
        "frozen_through": [value] if preset["dataset"] == "imagenet100" else ["stage3", "none"],
        "seen_classes": [0, half, [*range(half)]],
        "novel_classes": [0, total - half],
        "assumed_classes": [0, total],
        "precision": [value, "tf32"],
    }
    return others.get(field, [value])


def _shown(value: Json) -> str:
    return _NETWORKS.get(value, value) if isinstance(value, str) else shown(value)


def num_classes(dataset: str) -> int:
    """Number of classes of a data set; 0 where it is not known here."""
    return DATA_SETS[dataset].num_classes if dataset in DATA_SETS else 0


def same_method(settings: Mapping[str, Json], varied: str = "") -> bool:
    """Whether it is LPS with the paper's hyper-parameters, but for the `varied` one."""
    return settings.get("method", "lps") == "lps" and all(
        settings.get(name, v) == v for name, v in DEFAULTS.items() if name != varied
    )


@cache
def _preset(dataset: str, method: str, recipe: str) -> Mapping[str, Json]:
    """The values that trials of a method on `dataset` share, by flat name.

    The paper does not say by which recipe it trained the methods that it compares LPS with.
    """
    own = config_class(method).own_recipe if recipe == "own" else {}
    known = {**preset_values(dataset, method), **own, "recipe": recipe}
    given = {key: Located(value) for key, value in known.items()}
    values = flat(build_config(given, method=method))
    skipped = {"method", *_NO_DIFFERENCE} | {
        key
        for key, info in field_table(method).items()
        if info.param.location or info.section == "pretrain"
    }
    return {k: as_json(v) for k, v in values.items() if k not in skipped}


def paper_arm(changes: Mapping[str, Json]) -> str | None:
    """The arm of Table 4 that `changes` to the default configuration make; None for any other.

    No change at all is "full".
    """
    if not changes:
        return "full"
    arms = [arm for arm, (name, zero) in ABLATION_ARMS.items() if dict(changes) == {name: zero}]
    return arms[0] if arms else None


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
