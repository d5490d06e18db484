"""B15: a plan whose points change their arm's configuration, against one that builds each anew.

Both give every trial its identity. Nothing is read but the digits, once, before the clock starts.
"""

from __future__ import annotations

from benchmarks.frame import Case, Check, Measurement, Setting, in_turns
from lps_sweep.config import Located, build_config, pack_key, trial_id, trunk_recipe
from lps_sweep.plan import SearchSpace, expand, parse_yaml, points
from lps_sweep.plan.read import build_space
from lps_sweep.sweep.content import content_of

AXES = ("C", "tau", "eta1", "eta2")


def space_of(num_levels: int) -> SearchSpace:
    """A grid of `num_levels` values of each of four parameters, at one seed."""
    levels = [(i + 1) / num_levels for i in range(num_levels)]
    grid = "".join(f"  {axis}: {levels}\n" for axis in AXES)
    text = f"name: large\npreset: digits\ngrid:\n{grid}seeds: [0]\n"
    return build_space(parse_yaml(text, "b15"), settings=(), source=text)


def planned(space: SearchSpace) -> list[tuple[str, str]]:
    """Identity and key of the pack of each trial."""
    return [(trial.trial_id, trial.pack_key) for trial in expand(space, content_of)]


def built_anew(space: SearchSpace) -> list[tuple[str, str]]:
    """The same, each configuration from all of its values."""
    found = []
    for point in points(space):
        values: dict[str, Located] = {**space.fixed_for(point.arm), **point.moves}
        config = build_config(values, method=point.arm.method)
        hashes = content_of(config)
        trunk = trunk_recipe(config, data=hashes.data, weights=hashes.weights)
        known = {"data": hashes.data, "split": hashes.split, "trunk": trunk}
        for seed in space.seeds:
            found.append((trial_id(config, seed, **known), pack_key(config, seed, **known)))
    return found


def compare(num_levels: int, setting: Setting) -> Measurement:
    """A space of `num_levels` to the fourth trials."""
    space = space_of(num_levels)
    ours, theirs = planned(space), built_anew(space)
    apart = sum(a != b for a, b in zip(ours, theirs, strict=True))
    checks = [
        Check("trials that differ", apart),
        Check.number("trials", len({name for name, _ in ours}), num_levels**4),
    ]
    sides = {"each built anew": lambda _: built_anew(space), "changed": lambda _: planned(space)}
    return in_turns(sides, setting).measurement(checks)


def cases(setting: Setting) -> list[Case]:
    """Ten thousand trials; sixteen where it is to be quick."""
    number = 2 if setting.quick else 10
    return [Case("grid", f"a plan of {number**4} trials", lambda _: compare(number, setting))]
