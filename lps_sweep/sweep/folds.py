"""The trainings on folds of a sweep: its trials again, with a part of the seen classes as novel.

They are those of a sweep beside it. Each done trial has one for each fold; no rule ends them, and
no search asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from lps_sweep.config import Config, pack_key, spelled_id
from lps_sweep.errors import BadInputError
from lps_sweep.plan import Content, PlannedTrial, SearchSpace
from lps_sweep.results import Ledger, SweepRecord
from lps_sweep.results.folds import FIELD, folds_name
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.planned import sweep_record


def fold_space(space: SearchSpace) -> SearchSpace:
    """What the trainings on folds of `space` run as."""
    return replace(space, name=folds_name(space.name), search=None, stopping=None)


def fold_labels(space: SearchSpace) -> list[str]:
    """The folds of `space` as `FIELD` has them: 1/3, 2/3, 3/3."""
    return [f"{number}/{space.folds.value}" for number in range(1, space.folds.value + 1)]


def folded(
    space: SearchSpace,
    trials: Iterable[PlannedTrial],
    content: Callable[[Config], Content] = content_of,
) -> tuple[PlannedTrial, ...]:
    """The trainings on folds of `trials`, all trials on the first fold, then on the next.

    The trunk is that of the trial, since pre-training knows of no labels.

    Raises:
        BadInputError: A trial has too few seen classes, or its split lacks labeled images.
    """
    of = [*trials]
    try:
        return tuple(_on(trial, fold, content) for fold in fold_labels(space) for trial in of)
    except BadInputError as error:
        words = str(error).removeprefix(f"{FIELD}: ")
        raise BadInputError(f"folds: {words}", space.folds.where) from error


def _on(trial: PlannedTrial, fold: str, content: Callable[[Config], Content]) -> PlannedTrial:
    config = replace(trial.config, split=replace(trial.config.split, hidden_fold=fold))
    hashes = content(config)
    known = {"data": hashes.data, "split": hashes.split, "trunk": trial.trunk}
    return PlannedTrial(
        trial_id=spelled_id(config, trial.seed, **known),
        pack_key=pack_key(config, trial.seed, **known),
        trunk=trial.trunk,
        config=config,
        seed=trial.seed,
        swept={**trial.swept, FIELD: fold},
    )


def worth(
    trials: Iterable[PlannedTrial], outcomes: Mapping[str, str], *, ahead: bool = False
) -> list[PlannedTrial]:
    """Those of `trials` that are trained on folds: the done ones.

    With `ahead` those without an outcome as well, which may become so.
    """
    unknown = "done" if ahead else ""
    return [trial for trial in trials if outcomes.get(trial.trial_id, unknown) == "done"]


def fold_record(space: SearchSpace, trials: Sequence[PlannedTrial], ledger: Ledger) -> SweepRecord:
    """The sweep of the folds of `space`, whose `trials` are planned, as the ledger keeps it.

    Raises:
        BadInputError: A sweep of another kind has its name.
    """
    record, name = sweep_record(space, trials), folds_name(space.name)
    if name in ledger.sweeps() and FIELD not in ledger.record(name).axes:
        raise BadInputError(
            f"{name!r} is a sweep of your own, and the folds of {space.name!r} would be called so; "
            "give one of the two another name, in its file",
            space.folds.where,
        )
    return replace(
        record,
        name=name,
        question=f"What do the configurations of {space.name} make of seen classes as novel ones?",
        axes={**record.axes, FIELD: [*fold_labels(space)]},
        defaults={**record.defaults, FIELD: ""},
        search=None,
    )
