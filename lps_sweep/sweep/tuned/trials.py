"""A trial of a person's own Tune script: which trials of ours it is, and what its rows tell."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np

from lps_sweep.config import Config, Located
from lps_sweep.errors import BadInputError
from lps_sweep.plan import PlannedTrial, default_config, expand
from lps_sweep.plan.read import build_space
from lps_sweep.results import Json
from lps_sweep.sweep.content import content_of

SEED = "seed"
"""The name in a `param_space` that is no parameter of a configuration."""

COLUMN = "lps_sweep"
"""The column of a Tune trial's rows that says what a ledger takes of them."""


@dataclass(frozen=True)
class Base:
    """What a trainable was given, for all of its trials.

    Attributes:
        preset: Name of the preset, or empty.
        settings: Values by flat name, ``method`` among them.
        seeds: The seeds of each trial; empty where `param_space` has them.
    """

    preset: str
    settings: Mapping[str, Json]
    seeds: tuple[int, ...] = ()

    def config(self) -> Config:
        """The configuration without what a `param_space` says.

        Raises:
            BadInputError: For an unknown key or preset, or a value that is not right.
        """
        return default_config(self._space({}, "trainable"))

    def trials(self, params: Mapping[str, Any], where: str) -> tuple[PlannedTrial, ...]:
        """The trials of ours, one for each seed, that a Tune trial with `params` trains.

        Raises:
            BadInputError: As `config`, or a key is given twice; begins with `where`.
        """
        return expand(self._space(params, where), content_of)

    def _space(self, params: Mapping[str, Any], where: str) -> Any:
        given = {name: Located(_plain(value), where) for name, value in params.items()}
        fixed = {name: Located(value, "trainable") for name, value in self.settings.items()}
        seeds = Located(self.seeds or (0,), "trainable")
        if SEED in given:
            if self.seeds:
                raise BadInputError("seed: the trainable was given seeds already", where)
            seed = given.pop(SEED)
            seeds = Located([seed], seed.where)
        if twice := [name for name in given if name in fixed]:
            raise BadInputError(f"{twice[0]}: the trainable was given a value already", where)
        values = fixed | given
        entries = {"name": Located("tune"), "seeds": seeds}
        if self.preset:
            entries["preset"] = Located(self.preset, "trainable")
        if "method" in values:
            entries["method"] = values.pop("method")
        entries["set"] = Located(values)
        return build_space(Located(entries, where), settings=(), source="")


def _plain(value: Any) -> Any:
    """`value` without NumPy's types, which Tune's samplers may give."""
    return value.item() if isinstance(value, np.generic) else value


@dataclass(frozen=True)
class Member:
    """What a row tells of one seed after an epoch.

    Attributes:
        trial_id: Id of our trial.
        seed: Its seed.
        metrics: Of the epoch, by the names of the ledger.
        seconds: What the epoch took.
        final: The final metrics, with the last epoch alone.
        artefact: SHA-256 of what it left, in the checkpoint of the same row; likewise.
    """

    trial_id: str
    seed: int
    metrics: Mapping[str, float]
    seconds: float
    final: Mapping[str, float] = field(default_factory=dict)
    artefact: str = ""


@dataclass(frozen=True)
class Told:
    """What a row of a Tune trial tells a ledger: the same JSON text in result.json and CSV."""

    base: Base
    provenance: Mapping[str, Json]
    members: Sequence[Member]

    def text(self) -> str:
        """As JSON; `read` is the way back."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> Self:
        """What `text` tells.

        Raises:
            ValueError, KeyError, TypeError: It is no such text.
        """
        content = json.loads(text)
        base = Base(**content["base"])
        return cls(
            dataclasses.replace(base, seeds=tuple(base.seeds)),
            dict(content["provenance"]),
            [Member(**member) for member in content["members"]],
        )
