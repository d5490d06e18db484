"""Ends by a rule, seen from a sweep that may have another rule: trials belong to all sweeps."""

from __future__ import annotations

from dataclasses import replace

from lps_sweep.plan import SearchSpace
from lps_sweep.results import Counts, Ledger, Stop
from lps_sweep.results.stops import prefix

REOPENED = "stopped, tried again: "
"""How the ledger calls the end of an attempt whose outcome was taken back; the reason follows."""


def stopped_elsewhere(space: SearchSpace, ledger: Ledger) -> list[str]:
    """The trials that a rule ended which is not the one that `space` has now.

    Such an end is none for `space`: in its place the trial goes on from where it was ended. It is
    the rule of another sweep, or an earlier one of the same.
    """
    own = _own(space)
    texts = ledger.stop_texts().items()
    return [trial for trial, text in texts if not own or not text.startswith(own)]


def restore_stops(space: SearchSpace, ledger: Ledger) -> list[str]:
    """Ends again what the rule of `space` had ended, and a sweep without it has taken up.

    That sweep was left before it came to the end of these trials, or else they would be done.

    Returns:
        The trials; they are stopped again, for the reason of then.
    """
    own = _own(space)
    found = {}
    for trial_id in ledger.outstanding(space.name) if own else []:
        for record in ledger.attempts(trial_id):
            text = record.ended.removeprefix(REOPENED)
            if text != record.ended and text.startswith(own):
                found[trial_id] = text
    with ledger.transaction():
        attempts = ledger.start_attempts(list(found), "none", {})
        for trial_id, text in found.items():
            stop = Stop.read(text)
            epoch = stop.epoch if stop else 0
            ledger.finish(trial_id, attempts[trial_id], "stopped", epoch=epoch, error=text)
    return list(found)


def own_counts(space: SearchSpace, ledger: Ledger) -> Counts:
    """The trials of `space` by state; who was stopped elsewhere is not run."""
    counts = ledger.counts(space.name, driver_alive=False)
    others = len(set(stopped_elsewhere(space, ledger)) & ledger.outcomes(space.name).keys())
    return replace(counts, stopped=counts.stopped - others, not_run=counts.not_run + others)


def _own(space: SearchSpace) -> str:
    return prefix(space.name, space.stopping.text()) if space.stopping else ""
