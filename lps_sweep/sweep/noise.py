"""The default cell of a sweep, to be trained again with other last bits."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from lps_sweep.errors import BadInputError
from lps_sweep.results import SweepView, load_view
from lps_sweep.results.noise import default_trials, is_noise, noise_name
from lps_sweep.sweep.confirmation import differences
from lps_sweep.sweep.written import Writer, resources_of

WRITER = Writer(
    "noise", "machine noise", noise_name, r"How far do last bits alone move the default of .*\?"
)


def noise_text(results: Path, sweep: str, draws: int, threads: int | None) -> str:
    """A search space of arms: the default of `sweep`, and the same with other last bits.

    Its seeds are those at which the default is done, so that nothing but `draws` trials at each of
    them is left to be trained: all but one start with perturbed weights, one has other threads.

    Args:
        results: The results folder.
        sweep: Name of the sweep.
        draws: Trials at each seed, from 2.
        threads: CPU threads of the last of them; None for the fewest that the sweep had not.

    Raises:
        BadInputError: There is no such sweep, it is of machine noise itself, nothing of its default
            is done, there are too few draws, or it was trained with as many `threads`.
    """
    if draws < 2:
        raise BadInputError(
            "one draw has other threads and the others perturbed weights: take 2 at least",
            "--draws",
        )
    view = load_view(results, sweep)
    if is_noise(view):
        raise BadInputError(f"{sweep} is machine noise itself; name the sweep that it is of", sweep)
    trials = default_trials(view)
    done = trials[trials["status"] == "done"]
    if done.empty:
        why = "no trial of it is done yet" if len(trials) else "it was not planned"
        raise BadInputError(f"the default of {sweep} has nothing to repeat: {why}", sweep)
    record = view.record
    other = _threads(view, set(trials["trial_id"].tolist()), threads)
    _, _, shared = differences(record.settings, {}, record.preset)
    perturbed = {f"draw_{draw}": {"perturbation": draw} for draw in range(1, draws)}
    content: dict[str, Any] = {
        "name": noise_name(sweep),
        "question": f"How far do last bits alone move the default of {sweep}?",
        **({"preset": record.preset} if record.preset else {}),
        "method": str(record.settings["method"]),
        **({"set": shared} if shared else {}),
        "arms": {"default": {}, **perturbed, f"threads_{other}": {"threads": other}},
        "seeds": sorted(done["seed"].tolist()),
        **resources_of(record),
    }
    return WRITER.text(content)


def _threads(view: SweepView, trials: set[str], asked: int | None) -> int:
    """A number of threads that none of `trials` was trained with."""
    had = {a.provenance.get("num_threads") for a in view.attempts if a.trial_id in trials}
    if asked and asked in had:
        raise BadInputError(
            f"{view.record.name} itself was trained with threads: {asked}; take another number",
            "--threads",
        )
    return asked or next(number for number in count(1) if number not in had)
