"""Every value that a parameter can have survives all that a sweep does with it.

The values are made from what the fields declare, so that a new parameter is held to this as well.
"""

from __future__ import annotations

import itertools
import json
import math
import types
import typing
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
import yaml

from lps_sweep.config import (
    METHODS,
    Located,
    Value,
    as_json,
    build_config,
    check_value,
    config_from_flat,
    field_table,
    flat,
)
from lps_sweep.params import FieldInfo
from lps_sweep.plan.domains import Domain
from lps_sweep.plan.search import Search
from lps_sweep.plan.yaml_file import parse_value, parse_yaml
from lps_sweep.report.escape import csv_text
from lps_sweep.report.export import export_frames
from lps_sweep.results import Ledger, TrialRecord
from lps_sweep.results.encoding import json_text
from lps_sweep.sweep.search.searcher import Searcher
from lps_sweep.sweep.written import space_text
from lps_sweep.tracking import read_history
from lps_sweep.tracking.study import export_study
from tests.report.report_cases import make_ledger, record

WORDS = (
    *("", "1", "1e3", "1.0", "true", "null", "~", ".nan", "0x1f", "a b", " x", "ä ö 漢", "[0, 1]"),
    *("{a: 1}", "a: b", "#x", "'", '"', "\\", "=1+1", "-", "2026-01-01", "no", "1_000", "12:30"),
)
TINY, BELOW_ONE = 5e-324, math.nextafter(1, 0)
NUMBERS = (0.1 + 0.2, 1.0, 2.5, 10.0, 1e-300, TINY, 1e300, BELOW_ONE, 1 / 3, 1e9 + 0.125)
COUNTS = (0, 1, 2, 3, 10, 2**31 - 1, 2**32 - 1)
LISTS = ((0, 1), (1, 0), (3,), (9, 2, 5))


def values_of(info: FieldInfo, wanted: Any = None) -> list[Value]:
    """Values that the field takes, of every type that it has, at the edges and at odd places."""
    wanted = wanted or info.type
    if isinstance(wanted, types.UnionType):
        every = (v for option in typing.get_args(wanted) for v in values_of(info, option))
        return [*dict.fromkeys(every)]  # 1 is 1.0
    if wanted is bool:
        return [False, True]
    if typing.get_origin(wanted) is tuple:
        return [*LISTS]
    if info.param.choices:
        return [*info.param.choices]
    if wanted is str:
        return [*WORDS]
    edges = [v for v in (info.param.low, info.param.high, info.default) if abs(v) < math.inf]
    numbers = [*NUMBERS, *edges] if wanted is float else [*COUNTS, *edges]
    whole = int if wanted is int else float
    return [*dict.fromkeys(whole(v) for v in numbers if info.param.accepts(whole(v)))]


FIELDS = [(method, name) for method in METHODS for name in field_table(method)]


def kind(value: object) -> tuple[type, object]:
    return type(value), value


def test_there_are_values_of_every_parameter_and_of_every_type() -> None:
    values = [v for method, name in FIELDS for v in values_of(field_table(method)[name])]
    assert len(FIELDS) > 100
    assert {type(value) for value in values} == {bool, int, float, str, tuple}
    assert all(len(values_of(field_table(method)[name])) > 1 for method, name in FIELDS)


@pytest.mark.parametrize("method", METHODS)
def test_values_survive_json_yaml_and_the_command_line(method: str) -> None:
    for name, info in field_table(method).items():
        for value in values_of(info):
            ways = (
                json.loads(json_text(as_json(value))),
                parse_yaml(space_text({"set": {name: as_json(value)}}), "f").plain()["set"][name],
                parse_value(space_text({"x": as_json(value)}).removeprefix("x:"), "f").plain(),
            )
            for way in ways:
                assert kind(check_value(name, info, Located(way))) == kind(value), (name, value)
        with pytest.raises(yaml.YAMLError):
            space_text({"x": object()})


@pytest.mark.parametrize("method", METHODS)
def test_configurations_survive_the_ledger(tmp_path: Path, method: str) -> None:
    configs = []
    for name, info in field_table(method).items():
        for value in values_of(info):
            network = {"frozen_through": {"network": Located("resnet50")}}.get(name, {})
            configs.append(build_config({name: Located(value), **network}, method=method))
    records = [
        TrialRecord(f"t{number}", {n: as_json(v) for n, v in flat(config).items()}, 0, "p", {})
        for number, config in enumerate(configs)
        if number % 3 == 0
    ]
    with Ledger.open(tmp_path, write=True) as ledger:
        ledger.record_plan(record({}, [0]), records)
        found = {one.trial_id: config_from_flat(one.config) for one in ledger.trial_records()}
    assert found == {f"t{n}": config for n, config in enumerate(configs) if n % 3 == 0}
    assert all(repr(found[f"t{n}"]) == repr(configs[n]) for n in range(0, len(configs), 3))


def domains_of(name: str, info: FieldInfo) -> list[Domain]:
    """Choices of all values and, for numbers, everything between the least and the greatest."""
    values = values_of(info)
    found = [Domain(name, "choice", choices=tuple(values))]
    if info.type in (int, float):
        numbers = [v for v in values if isinstance(v, int | float)]
        found.append(Domain(name, info.type.__name__, min(numbers), max(numbers)))
    return found


def measured(point: Mapping[str, Value]) -> tuple[float, ...]:
    return (float(len(str(point)) % 7),)


@pytest.mark.parametrize("place", [0, 1], ids=["choices", "ranges"])
def test_what_a_search_asks_for_survives_the_ledger_and_is_asked_for_again(place: int) -> None:
    table = field_table("lps")
    found = [domains_of(name, info)[place : place + 1] for name, info in table.items()]
    domains = tuple(domain for some in found for domain in some)
    search = Search(objectives=("oracle.acc_all",), domains=domains, sampler="random")
    first, again = (
        Searcher(search, {d.name: table[d.name].default for d in domains}) for _ in "ab"
    )
    asked = first.ask(20)
    for point in asked:
        first.tell(point, measured(point))
    told = [json.loads(json_text({n: as_json(v) for n, v in p.items()})) for p in asked]
    back = [{n: check_value(n, table[n], Located(v)) for n, v in p.items()} for p in told]
    assert list(map(str, back)) == list(map(str, asked))
    assert all(domain.holds(point[domain.name]) for domain in domains for point in back)
    again.replay(back, [measured(point) for point in asked])
    assert again.ask(2) == first.ask(2)


def test_exported_values_are_those_of_the_plan(tmp_path: Path) -> None:
    table = field_table("lps")
    values = {name: values_of(info) for name, info in table.items()}
    count = max(map(len, values.values()))
    axes = {name: [as_json(v) for v in listed] for name, listed in values.items()}
    rows = [[axes[n][i % len(axes[n])] for n in axes] for i in range(count)]
    rows[1][[*axes].index("batch_size")] = rows[1][[*axes].index("graph")] = None
    search: dict[str, Any] = {
        "objectives": ["oracle.acc_all"],
        "domains": [
            {"name": n, "kind": "choice", "choices": listed, "when": {}}
            for n, listed in axes.items()
        ],
    }
    sweep = record(axes, [0], name="all", search=search)
    make_ledger(tmp_path, sweep, points=[tuple(row) for row in rows], epochs=1)
    plain = [{n: v for n, v in zip(axes, row, strict=True) if v is not None} for row in rows]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        export_study(read_history(tmp_path, "all"), tmp_path / "study.db")
    study = optuna.load_study(study_name="all", storage=f"sqlite:///{tmp_path / 'study.db'}")
    for trial, wanted in zip(study.trials, plain, strict=True):
        assert {n: kind(v) for n, v in trial.params.items()} == {
            n: kind(json.dumps(v) if isinstance(v, list) else v) for n, v in wanted.items()
        }

    export_frames(tmp_path, "all", tmp_path / "out", parquet=True)
    table_ = pd.read_parquet(tmp_path / "out" / "trials.parquet")
    text = pd.read_csv(tmp_path / "out" / "trials.csv", dtype=str, keep_default_na=False)
    for number, name in itertools.product(range(count), axes):
        value = plain[number].get(name)
        got, csv = table_[name].iloc[number], text[name].iloc[number]
        if value is None:
            assert pd.isna(got)
            assert csv == ""
        elif isinstance(value, list):
            assert json.loads(got) == json.loads(csv) == value
        elif isinstance(value, bool) or name == "seen_classes":
            assert str(got).lower() == csv.lower() == str(value).lower()
        elif isinstance(value, int | float):
            assert (got, float(csv)) == (value, value)
            assert isinstance(table[name].type, types.UnionType) or csv == str(value)
        else:
            assert got == value
            assert csv == csv_text(value)
