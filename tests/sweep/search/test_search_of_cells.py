"""A search for each cell of the other blocks, with a trainer that trains nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from lps_sweep.config import Value
from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import SearchSpace
from lps_sweep.results import Json, Ledger
from tests.sweep.cases import run, space_of
from tests.sweep.fakes import FakeExecutor
from tests.sweep.search.test_search_run import killed_after

SEARCH = """
name: search
preset: digits
set: {epochs: 2, pretrain_epochs: 1SET}
seeds: [0, 1]
BLOCKS
optuna:
  objective: oracle.acc_all
  sampler: tpe
  configurations: COUNT
  together: 2
  startup: 3
  domains: {C: {low: 0.5, high: 30, log: true}, tau: {low: 0.1, high: 1}}
"""
BLOCKS = """
arms: {plain: {}, cosine: {lambda_novel_shape: cosine}}
grid: {labeled_ratio: [0.3, 0.5]}
"""
Swept = dict[str, Json]


def search(folder: Path, blocks: str = BLOCKS, count: int = 5, fixed: str = "") -> SearchSpace:
    text = SEARCH.replace("BLOCKS", blocks).replace("COUNT", str(count)).replace("SET", fixed)
    return space_of(folder, text)


def asked(results: Path) -> list[Swept]:
    """What was asked for, in order, each configuration once."""
    with Ledger.open(results) as ledger:
        rows = ledger.trial_rows("search", False)
    return [json.loads(text) for text in dict.fromkeys(json.dumps(dict(r.swept)) for r in rows)]


def of_cell(found: list[Swept], **cell: Value) -> list[tuple[Json, Json]]:
    return [
        (one["C"], one["tau"])
        for one in found
        if all(one[name] == value for name, value in cell.items())
    ]


@pytest.mark.slow
def test_each_cell_asks_for_what_it_would_alone(tmp_path: Path) -> None:
    outcome = run(search(tmp_path), tmp_path / "all", FakeExecutor())
    assert outcome.exit_code == ExitCode.DONE
    assert (outcome.counts.planned, outcome.counts.done) == (40, 40)
    found = asked(tmp_path / "all")
    assert len(found) == 4 * 5
    cells = []
    for arm, fixed in (("plain", ""), ("cosine", ", lambda_novel_shape: cosine")):
        for ratio in (0.3, 0.5):
            alone = search(tmp_path, blocks="", fixed=f"{fixed}, labeled_ratio: {ratio}")
            results = tmp_path / f"{arm}{ratio}"
            run(alone, results, FakeExecutor())
            cells.append(of_cell(found, arm=arm, labeled_ratio=ratio))
            assert cells[-1] == of_cell(asked(results))
            assert cells[-1][0] == (10.0, 0.4), "the default configuration comes first"
    assert all(cell[:3] == cells[0][:3] for cell in cells), "the same random ones to begin with"
    assert len({cell[4] for cell in cells}) > 1, "and then what each has learnt"


def test_a_batch_of_every_cell_trains_at_once(tmp_path: Path) -> None:
    executor = FakeExecutor(num_workers=1)
    run(search(tmp_path), tmp_path / "r", executor)
    sizes = [len(pack) for pack in executor.packs]
    assert sizes == [4] * 4 * 2 + [2] * 4, "by seed and ratio: both arms' batches in one pack"


def test_killed_twice_and_resumed_is_as_if_nothing_had_happened(tmp_path: Path) -> None:
    space = search(tmp_path)
    whole = run(space, tmp_path / "whole", FakeExecutor())
    killed_after(9, space, tmp_path / "killed")
    killed_after(13, space, tmp_path / "killed")
    last = run(space, tmp_path / "killed", FakeExecutor())
    assert last.counts == whole.counts
    assert asked(tmp_path / "killed") == asked(tmp_path / "whole")
    with Ledger.open(tmp_path / "killed") as ledger:
        assert ledger.counts("search", driver_alive=False).done == 40


OF_ARMS = """
name: search
preset: digits
set: {epochs: 2, pretrain_epochs: 1}
seeds: [0, 1]
arms: {lps: {}, orca: {method: orca}, kmeans: {method: simclr_kmeans}}
optuna:
  objective: oracle.acc_all
  configurations: 4
  together: 2
  startup: 2
  domains:
    lr: {low: 0.01, high: 0.5, log: true, when: {arm: [lps, orca]}}
    C: {low: 0.5, high: 30, when: {arm: lps}}
    margin_scale: {low: 1, high: 20, when: {arm: orca}}
"""


def test_each_method_is_tuned_as_long_as_the_others_by_what_it_has(tmp_path: Path) -> None:
    space, results = space_of(tmp_path, OF_ARMS), tmp_path / "r"
    killed_after(5, space, results)
    killed_after(4, space, results)
    outcome = run(space, results, FakeExecutor())
    assert outcome.exit_code == ExitCode.DONE
    found = asked(results)
    sizes = Counter(one["arm"] for one in found)
    assert sizes == {"lps": 4, "orca": 4, "kmeans": 1}, "with nothing to tune, the default alone"
    has = {
        arm: {n for one in found if one["arm"] == arm for n in one if one[n] is not None}
        for arm in sizes
    }
    assert has == {
        "lps": {"arm", "lr", "C"},
        "orca": {"arm", "lr", "margin_scale"},
        "kmeans": {"arm"},
    }
    again = run(space, results, FakeExecutor())
    assert (again.counts.planned, again.ran) == (18, 0)
    fewer = space_of(tmp_path, OF_ARMS.replace("arm: [lps, orca]", "arm: [lps]"))
    changed = run(fewer, results, FakeExecutor())
    assert (changed.counts.planned, changed.ran) == (18, 6), (
        "of orca's, lr had another condition: all but the default is asked for anew"
    )


def test_a_cell_more_later_is_searched_and_one_less_is_left_out(tmp_path: Path) -> None:
    results = tmp_path / "r"
    run(search(tmp_path, "grid: {labeled_ratio: [0.5]}"), results, FakeExecutor())
    before = asked(results)
    more = run(search(tmp_path, "grid: {labeled_ratio: [0.3, 0.5]}"), results, FakeExecutor())
    assert (more.counts.planned, more.ran) == (20, 10)
    assert of_cell(asked(results), labeled_ratio=0.5) == of_cell(before)
    less = run(search(tmp_path, "grid: {labeled_ratio: [0.3]}"), results, FakeExecutor())
    assert (less.counts.planned, less.ran, less.change.orphaned) == (10, 0, 10)
    longer = run(search(tmp_path, "grid: {labeled_ratio: [0.3]}", 7), results, FakeExecutor())
    assert (longer.counts.planned, longer.ran) == (14, 4)


def test_the_record_has_the_listed_axes_and_the_searched_ones(tmp_path: Path) -> None:
    run(search(tmp_path), tmp_path / "r", FakeExecutor())
    with Ledger.open(tmp_path / "r") as ledger:
        record = ledger.record("search")
    assert list(record.axes) == ["arm", "labeled_ratio", "C", "tau"]
    assert record.axes["arm"] == ["plain", "cosine"]
    assert record.axes["labeled_ratio"] == [0.3, 0.5]
    assert len(record.axes["C"]) > 5
    assert record.defaults == {"arm": "plain", "labeled_ratio": 0.5, "C": 10.0, "tau": 0.4}


def test_cells_of_one_and_the_same_trial_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"anything")
    space = search(tmp_path, "grid: {pretrain_lr: [0.1, 0.2]}", fixed=f", pretrained: {weights}")
    with pytest.raises(BadInputError, match="pretrain_lr changes nothing here"):
        run(space, tmp_path / "r", FakeExecutor())
