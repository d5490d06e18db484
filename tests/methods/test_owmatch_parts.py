"""The parts of OwMatch's loss: the assignment with its queue, and the thresholds."""

from __future__ import annotations

import math
from types import ModuleType

import pytest
import torch

from lps_sweep.methods.owmatch import assignment as assigning
from lps_sweep.methods.owmatch import core
from lps_sweep.methods.owmatch import thresholds as moving
from lps_sweep.methods.owmatch.assignment import Queue, assignment, with_labels
from lps_sweep.methods.owmatch.thresholds import Means
from tests.methods.losses.owmatch import OwMatch, hardened
from tests.methods.test_losses import check
from tests.mutants import mutant

OF_ROW = "torch.where(filled, -torch.logsumexp(scores + of_class, dim=1), -torch.inf)"
PART_DEFECTS: list[tuple[ModuleType, str, str]] = [
    (assigning, "assignment", "dim=0) => dim=1).amax()"),
    (assigning, "assignment", "of_class + of_row.unsqueeze(1) => of_class"),
    (assigning, "assignment", "(filled, 0.0, -torch.inf) => (filled, 0.0, 0.0)"),
    (assigning, "assignment", f"{OF_ROW} => -torch.logsumexp(scores + of_class, dim=1)"),
    (assigning, "with_labels", "hard_logit, logits) => -hard_logit, logits)"),
    (assigning, "with_labels", "labels.unsqueeze(1) == classes => labels.unsqueeze(1) != classes"),
    (moving, "Means", "(count == 0, 1.0, kept) => (count == 0, 0.0, kept)"),
    (moving, "Means", "seen = predicted < num_seen => seen = predicted < num_seen + 1"),
    (moving, "Means", "share @ confidence => (share.mean(0) @ confidence)"),
    (moving, "Means", "(1 - kept[group]) * => kept[group] *"),
    (moving, "Means", "/ largest[group] * self => * self"),
    (moving, "Means", "largest[group] * => largest.max() *"),
    (moving, "Means", "torch.maximum( => torch.minimum("),
]


@pytest.mark.parametrize(("where", "name", "defect"), PART_DEFECTS)
def test_a_defect_of_a_part_is_seen(
    where: ModuleType, name: str, defect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = getattr(mutant(where, *defect.split(" => ")), name)
    if name == "Means":
        monkeypatch.setattr(Means, "after", changed.after)
        monkeypatch.setattr(Means, "thresholds", changed.thresholds)
    else:
        monkeypatch.setattr(core, name, changed)
    with pytest.raises(AssertionError):
        check_parts()


def check_parts() -> None:
    check("owmatch", core, 0, 0)
    test_a_group_without_rows_keeps_its_means()


def test_the_codes_share_the_rows_out_equally() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(40, 4, dtype=torch.float64, generator=generator) * 20
    filled = torch.ones(40, dtype=torch.bool)

    codes = assignment(scores, filled, 300)

    assert torch.allclose(codes.sum(1), torch.ones(40, dtype=torch.float64))
    assert torch.allclose(codes.sum(0), torch.full((4,), 10.0, dtype=torch.float64), atol=0.2)
    assert torch.allclose(assignment(scores + 7, filled, 3), assignment(scores, filled, 3))


def test_closed_forms_of_the_codes() -> None:
    filled = torch.ones(2, dtype=torch.bool)
    # both rows prefer class 0 by as much: neither gets it
    alike = torch.tensor([[3.0, 0.0], [3.0, 0.0]])
    assert torch.allclose(assignment(alike, filled, 1), torch.full((2, 2), 0.5))
    # scaled by classes, row 0 is e to 1 for class 0, and row 1 1 to e
    apart = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = assignment(apart, filled, 1)
    assert found[0, 0].item() == pytest.approx(math.e / (1 + math.e))
    assert torch.allclose(found, found.flip((0, 1)))


def rows_from(*numbers: float) -> torch.Tensor:
    return torch.tensor([[number] for number in numbers])


def held(queue: Queue) -> list[float]:
    found: list[float] = queue.rows[queue.filled].flatten().tolist()
    assert queue.count.item() == len(found)
    return found


def test_a_queue_grows_until_it_is_long_enough_and_then_forgets() -> None:
    queue = Queue(torch.zeros(8, 1), torch.tensor(0))
    seen = []
    for start in (1, 4, 7):
        queue = queue.after(rows_from(start, start + 1, start + 2), 5)
        seen.append(held(queue))

    # 5 rows would do, but only whole batches come: 6
    assert seen == [[1, 2, 3], [1, 2, 3, 4, 5, 6], [4, 5, 6, 7, 8, 9]]


def test_a_queue_with_room_for_its_length_holds_the_newest() -> None:
    queue = Queue(torch.zeros(5, 1), torch.tensor(0))
    for start in (1, 4, 7):
        queue = queue.after(rows_from(start, start + 1, start + 2), 5)

    assert held(queue) == [5, 6, 7, 8, 9]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_batch_larger_than_the_queue_is_assigned_alone(count: int) -> None:
    queue = Queue(rows_from(8, 9), torch.tensor(count)).after(rows_from(1, 2, 3), 2)

    assert held(queue) == [1, 2, 3]


QUEUE_DEFECTS = (
    "torch.cat([self.rows, newest]) => torch.cat([newest, self.rows])",
    "[-num_rows:] => [:num_rows]",
    ">= num_rows - self.count => < self.count",
    "self.count < length => self.count <= length",
    ".clamp(max=num_rows) => ",
    ".clamp(min=num_newest) => ",
)


def check_queues() -> None:
    test_a_queue_grows_until_it_is_long_enough_and_then_forgets()
    test_a_queue_with_room_for_its_length_holds_the_newest()
    test_a_batch_larger_than_the_queue_is_assigned_alone(2)
    queue = Queue(rows_from(0, 1, 2, 3), torch.tensor(2)).after(rows_from(4), 2)
    assert held(queue) == [3, 4]


@pytest.mark.parametrize("defect", QUEUE_DEFECTS)
def test_a_defect_of_the_queue_is_seen(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = mutant(assigning, *defect.split(" => ")).Queue
    monkeypatch.setattr(Queue, "after", changed.after)
    monkeypatch.setattr(Queue, "filled", changed.filled)
    with pytest.raises(AssertionError):
        check_queues()


def test_only_the_logit_of_the_label_is_raised() -> None:
    logits = torch.arange(12.0).view(4, 3)

    found = with_labels(logits, torch.tensor([2, 0]), 10.0)

    assert found.tolist() == [[0, 1, 10], [10, 4, 5], [6, 7, 8], [9, 10, 11]]
    assert with_labels(logits, torch.tensor([], dtype=torch.int64), 10.0).equal(logits)


def test_a_group_without_rows_keeps_its_means() -> None:
    before = Means(torch.tensor([0.5, 0.6]), torch.tensor([0.1, 0.2, 0.3, 0.4]))
    probabilities = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.3, 0.6, 0.1, 0.0]])

    after = before.after(probabilities, 2, torch.tensor(0.5))

    assert after.confidence.tolist() == pytest.approx([0.5 * 0.5 + 0.5 * 0.65, 0.6])
    assert after.classes.tolist() == pytest.approx([0.3, 0.275, 0.3, 0.4])


@pytest.mark.parametrize("num_seen", [1, 3, 4])
def test_the_first_thresholds_are_those_they_start_from(num_seen: int) -> None:
    start = Means(torch.full((2,), 0.5), torch.full((4,), 0.5))

    assert start.thresholds(num_seen, torch.tensor(0.3)).tolist() == [0.5] * 4


def test_a_full_queue_lets_the_oldest_go_before_it_is_assigned() -> None:
    case = OwMatch().case(num_filled=12)

    memory = OwMatch().of(case, queue_length=12).memory

    queues = zip((memory.weak1, memory.weak2), case.more["queues"], case.matrices(), strict=False)
    for queue, old, view in queues:
        assert queue.count.item() == 12
        assert queue.rows.tolist() == old[7:].tolist() + hardened(view, case.labels.tolist())


@pytest.mark.parametrize("num_filled", [0, 1, 5])
def test_what_a_queue_does_not_hold_takes_no_part(num_filled: int) -> None:
    case, other = (OwMatch().case(num_filled=num_filled) for _ in range(2))
    for rows in other.more["queues"]:
        rows[: 12 - num_filled] = 1e4

    one, two = OwMatch().of(case), OwMatch().of(other)

    assert torch.equal(one.codes[0], two.codes[0])
    assert one.total.item() == two.total.item()


def test_confidence_equal_to_the_threshold_does_not_count() -> None:
    case = OwMatch().case()
    even = case.changed(lambda name, x: 0 * x if name == "weak2" else x)
    for level, counts in ((0.2, False), (0.19, True)):
        for name in ("confidence", "classes"):
            even.more[name].fill_(level)

        terms = OwMatch().of(even, threshold_floor=0.0)

        assert terms.thresholds.tolist() == [level] * 5
        assert terms.mask.tolist() == [counts] * 7
        assert (terms.confidence.item() > 0) == counts
