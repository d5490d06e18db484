"""The numbers of the paper's Tables 1 to 9, and whether a sweep has the paper's setting."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from lps_sweep.config import METHODS, PRESETS, Located, build_config, field_table, flat, shown
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
    "imagenet100": ("ImageNet-100", 100),
}
_PAPERS_OWN = ("cifar10", "cifar100", "imagenet100")
_NETWORKS = {"resnet18": "ResNet-18", "resnet50": "ResNet-50"}
_RATIOS = (0.1, 0.5)
_FACTS = (
    *("dataset", "network", "epochs", "batch_size", "frozen_through", "labeled_ratio"),
    *("seen_classes", "novel_classes", "assumed_classes"),
)
"""What `same_setting` has words of its own for."""
_NO_DIFFERENCE = ("compile", "graph")
"""How steps are carried out, which a paper does not say."""
_SAME = {("precision", "tf32")}
"""Values that are as good as the preset's: torch's own arithmetic on the paper's GPU."""


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

    Compared: data set, network, labeled ratio (0.1 and 0.5), which classes are seen and novel, what
    is frozen (the first three stages; of CIFAR also nothing: Tables 3 and 9), and every other value
    of the paper's preset but the `varied` one, those of the pre-training, and how steps are done.
    Which method it is does not count here, but its hyper-parameters do. The phrase is, for
    instance, "digits with small_cnn for 20 epochs, not CIFAR with ResNet-18 for 200".
    """
    dataset = str(settings.get("dataset"))
    name, _ = _DATASETS.get(dataset, (dataset, 0))
    is_papers = dataset in _PAPERS_OWN
    method = str(settings.get("method", "lps"))
    own = dataset if is_papers else "cifar100"
    paper = _preset(own, method if method in METHODS else "lps")
    facts = _facts(settings, paper, num_classes(dataset)) | {
        field: (f"with {field} = {shown(value)}", f"with {field} = {shown(paper[field])}", False)
        for field, value in settings.items()
        if field in paper and field not in (*_FACTS, varied)
        if value != paper[field] and (field, value) not in _SAME
    }
    different = [(ours, theirs) for ours, theirs, equal in facts.values() if not equal]
    if is_papers and not different:
        network = _NETWORKS[str(paper["network"])]
        return True, f"{name} with {network} for {paper['epochs']} epochs, as in the paper"
    ours = " ".join([name, *(words for words, _ in different)])
    theirs = " ".join([*([] if is_papers else ["CIFAR"]), *(words for _, words in different)])
    return False, f"{ours}, not {theirs}"


def num_classes(dataset: str) -> int:
    """Number of classes of a data set; 0 where it is not known here."""
    return _DATASETS.get(dataset, ("", 0))[1]


def same_method(settings: Mapping[str, Json], varied: str = "") -> bool:
    """Whether it is LPS with the paper's hyper-parameters, but for the `varied` one."""
    return settings.get("method", "lps") == "lps" and all(
        settings.get(name, v) == v for name, v in DEFAULTS.items() if name != varied
    )


@cache
def _preset(dataset: str, method: str) -> Mapping[str, Json]:
    """The values that the paper's trials on `dataset` share, by flat name."""
    given = {key: Located(value) for key, value in PRESETS[dataset].items()}
    values = flat(build_config(given, method=method))
    skipped = {"method", *_NO_DIFFERENCE} | {
        key
        for key, info in field_table(method).items()
        if info.param.location or info.section == "pretrain"
    }
    return {k: [*v] if isinstance(v, tuple) else v for k, v in values.items() if k not in skipped}


Fact = tuple[str, str, bool]
"""Something compared: our words, the paper's, and whether they are equal."""


def _facts(
    settings: Mapping[str, Json], paper: Mapping[str, Json], num_classes: int
) -> dict[str, Fact]:
    """What is compared in words of its own, by field."""
    got = {name: settings.get(name, paper.get(name)) for name in _FACTS}
    network, frozen = str(got["network"]), str(got["frozen_through"])
    ratios = " or ".join(map(str, _RATIOS))
    kept = ["stage3"] if paper["dataset"] == "imagenet100" else ["stage3", "none"]

    def same(name: str, ours: str, theirs: str) -> Fact:
        return ours.format(got[name]), theirs.format(paper[name]), got[name] == paper[name]

    facts: dict[str, Fact] = {
        "network": (
            f"with {_NETWORKS.get(network, network)}",
            f"with {_NETWORKS[str(paper['network'])]}",
            network == paper["network"],
        ),
        "epochs": same("epochs", "for {} epochs", "for {}"),
        "batch_size": same("batch_size", "in batches of {}", "in batches of {}"),
        "frozen_through": (
            _frozen_words(frozen),
            " or ".join(map(_frozen_words, kept)),
            frozen in kept,
        ),
        "labeled_ratio": (
            f"with a labeled ratio of {got['labeled_ratio']}",
            f"with {ratios}",
            got["labeled_ratio"] in _RATIOS,
        ),
    }
    return facts | _class_facts(got, num_classes)


def _class_facts(got: Mapping[str, Json], num_classes: int) -> dict[str, Fact]:
    half = num_classes // 2
    return {
        "seen_classes": (
            _seen_words(got["seen_classes"]),
            "with the first half of the classes seen",
            got["seen_classes"] in (0, half, [*range(half)]),
        ),
        "novel_classes": (
            f"with {_count_words(got['novel_classes'])} novel",
            "with all other classes novel",
            got["novel_classes"] in (0, num_classes - half),
        ),
        "assumed_classes": (
            f"with {got['assumed_classes']} classes assumed",
            "with their true number",
            got["assumed_classes"] in (0, num_classes),
        ),
    }


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


def _count_words(count: Json) -> str:
    is_share = isinstance(count, float) and count < 1
    return f"{count} of the other classes" if is_share else f"{count} classes"


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
