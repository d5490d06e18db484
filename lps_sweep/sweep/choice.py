"""Which of a sweep's trials one call of `run` may start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lps_sweep.config import Located, shown
from lps_sweep.errors import BadInputError, nearest
from lps_sweep.plan import PlannedTrial
from lps_sweep.plan.entries import split_setting
from lps_sweep.results import REOPENABLE

TRIAL, SEED = "trial", "seed"


@dataclass(frozen=True)
class Wanted:
    """One ``KEY=VALUE`` of ``--only``: the value as text and as YAML reads it."""

    key: str
    text: str
    value: Located


@dataclass(frozen=True)
class Choice:
    """The trials that a run may start; by default all that have no outcome.

    Attributes:
        only: What they must be: of each key that is named, one of the values named.
        limit: How many may be started at the most, at least 1.
        retry: Outcomes with which a trial is started again: of `REOPENABLE`.
    """

    only: tuple[Wanted, ...] = ()
    limit: int | None = None
    retry: tuple[str, ...] = ()

    def matching(self, trials: Sequence[PlannedTrial]) -> list[str]:
        """The trials that `only` describes, in the order of the plan.

        Raises:
            BadInputError: Nothing is swept under a key, no trial has a value, the beginning of
                an id is that of several trials, or no trial has all that is asked for.
        """
        found: dict[str, set[str]] = {}
        for wanted in self.only:
            found.setdefault(wanted.key, set()).update(_having(wanted, trials))
        chosen = [t.trial_id for t in trials if all(t.trial_id in ids for ids in found.values())]
        if not chosen:
            asked = " ".join(f"{wanted.key}={wanted.text}" for wanted in self.only)
            raise BadInputError(f"no trial of the sweep has all of {asked}", "--only")
        return chosen

    def choose(self, matching: Sequence[str], outcomes: Mapping[str, str]) -> list[str]:
        """Those of `matching` to start, in its order, with the `outcomes` that are recorded."""
        left = [t for t in matching if t not in outcomes or outcomes[t] in self.retry]
        return left[: self.limit]


def read_choice(*, only: Sequence[str], limit: int | None, retry: str) -> Choice:
    """The choice that the options of the command line describe.

    Args:
        only: ``KEY=VALUE`` texts.
        limit: The largest number of trials, or None.
        retry: Outcomes, separated by commas; may be empty.

    Raises:
        BadInputError: For what cannot be understood.
    """
    if limit is not None and limit < 1:
        raise BadInputError(f"a number of trials from 1, not {limit}", "--limit")
    states = [word.strip() for word in retry.split(",")] if retry else []
    for state in states:
        if state not in REOPENABLE:
            raise BadInputError(
                f"{state!r} is no outcome to try again; {nearest(state, REOPENABLE)}", "--retry"
            )
    wanted = []
    for text in only:
        key, value = split_setting(text)
        wanted.append(Wanted(key, text.partition("=")[2].strip(), value))
    return Choice(tuple(wanted), limit, tuple(dict.fromkeys(states)))


def _having(wanted: Wanted, trials: Sequence[PlannedTrial]) -> set[str]:
    where = f"--only {wanted.key}={wanted.text}"
    if wanted.key == TRIAL:
        return {_by_id(wanted.text, [trial.trial_id for trial in trials], where)}
    keys = (*trials[0].swept, SEED, TRIAL)
    if wanted.key not in keys:
        raise BadInputError(f"{wanted.key!r} is not swept here; {nearest(wanted.key, keys)}", where)
    values = [
        (t.trial_id, t.seed if wanted.key == SEED else swept[wanted.key])
        for t in trials
        for swept in (t.swept, *t.twins)
    ]
    found = {trial_id for trial_id, value in values if _is(value, wanted)}
    if not found:
        known = ", ".join(map(shown, dict.fromkeys(value for _, value in values)))
        raise BadInputError(f"no trial of the sweep has this value; its values are {known}", where)
    return found


def _by_id(text: str, trial_ids: Sequence[str], where: str) -> str:
    found = [trial_id for trial_id in trial_ids if text and trial_id.startswith(text)]
    if len(found) != 1:
        number = f"{len(found)} trials have ids that begin" if found else "no trial's id begins"
        raise BadInputError(f"{number} with {text!r}", where)
    return found[0]


def _is(value: object, wanted: Wanted) -> bool:
    """Whether a trial's `value` is the one asked for; 10 is 10.0, but 1 is not true."""
    given = wanted.value.plain()
    given = tuple(given) if isinstance(given, list) else given
    if isinstance(value, str):
        return value in (given, wanted.text)
    return isinstance(value, bool) == isinstance(given, bool) and value == given
