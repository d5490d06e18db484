"""A search for each cell of the other blocks, with a trainer that trains nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lps_sweep.config import Value
from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.results import Json, Ledger
from lps_sweep.sweep.run import Outcome
from tests.sweep.cases import run
from tests.sweep.fakes import FakeExecutor
from tests.sweep.search.search_cases import asked, killed_after, search

BLOCKS = """
arms: {plain: {}, cosine: {lambda_novel_shape: cosine}}
grid: {labeled_ratio: [0.3, 0.5]}
"""
Swept = dict[str, Json]


def of_cell(found: list[Swept], **cell: Value) -> list[tuple[Json, Json]]:
    return [
        (one["C"], one["tau"])
        for one in found
        if all(one[name] == value for name, value in cell.items())
    ]


@pytest.mark.slow
def test_each_cell_asks_for_what_it_would_alone(tmp_path: Path) -> None:
    outcome = run(search(tmp_path, blocks=BLOCKS), tmp_path / "all", FakeExecutor())
    assert outcome.exit_code == ExitCode.DONE
    assert (outcome.counts.planned, outcome.counts.done) == (40, 40)
    found = asked(tmp_path / "all")
    assert len(found) == 4 * 5
    cells = []
    for arm, fixed in (("plain", ""), ("cosine", ", lambda_novel_shape: cosine")):
        for ratio in (0.3, 0.5):
            alone = search(tmp_path, fixed=f"{fixed}, labeled_ratio: {ratio}")
            results = tmp_path / f"{arm}{ratio}"
            run(alone, results, FakeExecutor())
            cells.append(of_cell(found, arm=arm, labeled_ratio=ratio))
            assert cells[-1] == of_cell(asked(results))
            assert cells[-1][0] == (10.0, 0.4), "the default configuration comes first"
    assert all(cell[:3] == cells[0][:3] for cell in cells), "the same random ones to begin with"
    assert len({cell[4] for cell in cells}) > 1, "and then what each has learnt"


def test_a_batch_of_every_cell_trains_at_once(tmp_path: Path) -> None:
    executor = FakeExecutor(num_workers=1)
    run(search(tmp_path, blocks=BLOCKS), tmp_path / "r", executor)
    sizes = [len(pack) for pack in executor.packs]
    assert sizes == [4] * 4 * 2 + [2] * 4, "by seed and ratio: both arms' batches in one pack"


def test_killed_twice_and_resumed_is_as_if_nothing_had_happened(tmp_path: Path) -> None:
    space = search(tmp_path, blocks=BLOCKS)
    whole = run(space, tmp_path / "whole", FakeExecutor())
    killed_after(9, space, tmp_path / "killed")
    killed_after(13, space, tmp_path / "killed")
    last = run(space, tmp_path / "killed", FakeExecutor())
    assert last.counts == whole.counts
    assert asked(tmp_path / "killed") == asked(tmp_path / "whole")
    with Ledger.open(tmp_path / "killed") as ledger:
        assert ledger.counts("search", driver_alive=False).done == 40


ARMS = "arms: {lps: {}, orca: {method: orca}, kmeans: {method: simclr_kmeans}}"
OF_ARMS = (
    "lr: {low: 0.01, high: 0.5, log: true, when: {arm: [lps, orca]}}, "
    "C: {low: 0.5, high: 30, when: {arm: lps}}, "
    "margin_scale: {low: 1, high: 20, when: {arm: orca}}"
)


def test_each_method_is_tuned_as_long_as_the_others_by_what_it_has(tmp_path: Path) -> None:
    space = search(tmp_path, OF_ARMS, blocks=ARMS, count=4, startup=2)
    results = tmp_path / "r"
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
    fewer = OF_ARMS.replace("arm: [lps, orca]", "arm: [lps]")
    space = search(tmp_path, fewer, blocks=ARMS, count=4, startup=2)
    changed = run(space, results, FakeExecutor())
    assert (changed.counts.planned, changed.ran) == (18, 6), (
        "of orca's, lr had another condition: all but the default is asked for anew"
    )


def test_a_cell_more_later_is_searched_and_one_less_is_left_out(tmp_path: Path) -> None:
    results = tmp_path / "r"

    def outcome_of(ratios: str, count: int = 5) -> Outcome:
        space = search(tmp_path, blocks=f"grid: {{labeled_ratio: {ratios}}}", count=count)
        return run(space, results, FakeExecutor())

    outcome_of("[0.5]")
    before = asked(results)
    more = outcome_of("[0.3, 0.5]")
    assert (more.counts.planned, more.ran) == (20, 10)
    assert of_cell(asked(results), labeled_ratio=0.5) == of_cell(before)
    less = outcome_of("[0.3]")
    assert (less.counts.planned, less.ran, less.change.orphaned) == (10, 0, 10)
    longer = outcome_of("[0.3]", count=7)
    assert (longer.counts.planned, longer.ran) == (14, 4)


def test_the_record_has_the_listed_axes_and_the_searched_ones(tmp_path: Path) -> None:
    run(search(tmp_path, blocks=BLOCKS), tmp_path / "r", FakeExecutor())
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
    space = search(
        tmp_path, blocks="grid: {pretrain_lr: [0.1, 0.2]}", fixed=f", pretrained: {weights}"
    )
    with pytest.raises(BadInputError, match="pretrain_lr changes nothing here"):
        run(space, tmp_path / "r", FakeExecutor())
