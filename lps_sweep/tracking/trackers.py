"""The tools that a sweep can be sent to."""

from __future__ import annotations

import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import cast

from lps_sweep.errors import BadInputError
from lps_sweep.tracking.history import SweepHistory, TrialHistory

_TRACKERS = {
    "tensorboard": ("TensorBoardTracker", "tensorboardX"),
    "wandb": ("WandbTracker", "wandb"),
    "mlflow": ("MlflowTracker", "mlflow"),
}
"""Class in the module of the same name, and the package that it needs."""


class Tracker(ABC):
    """Sends trials to a tool.

    A new tracker takes over what an earlier one has sent to the same place: nothing is missing
    and nothing is there twice, whenever the earlier one ended.
    """

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._ended: set[str] = set()

    def update(self, trial: TrialHistory) -> int:
        """Sends what is new of `trial`; the number of epochs sent."""
        key = trial.trial_id
        if key in self._ended:
            return 0
        if key not in self._last:
            self._last[key] = self.begin(trial)
        new = {epoch: m for epoch, m in trial.epochs.items() if epoch > self._last[key]}
        self.send(trial, new)
        self._last[key] = max([self._last[key], *new])
        if trial.ended:
            self.finish(trial)
            self._ended.add(key)
        return len(new)

    @abstractmethod
    def claim(self, sweep: SweepHistory) -> None:
        """Refuses what there is under the names of `sweep` and was not sent for it; sends nothing.

        Raises:
            BadInputError: Somebody else's is there, or this sweep of another results folder.
        """

    @abstractmethod
    def begin(self, trial: TrialHistory) -> int:
        """Finds the run of `trial`, or makes it; the last epoch that the tool has of it."""

    @abstractmethod
    def send(self, trial: TrialHistory, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """Sends metrics by epoch."""

    @abstractmethod
    def finish(self, trial: TrialHistory) -> None:
        """Sends how `trial` ended; it may have been told before."""

    @abstractmethod
    def close(self) -> None:
        """Sends what is left in buffers."""


def open_tracker(format_: str, place: str) -> Tracker:
    """The tracker of a tool.

    Args:
        format_: One of `_TRACKERS`.
        place: Folder of ``tensorboard``; ``project`` or ``entity/project`` of ``wandb``; tracking
            URI of ``mlflow``.

    Raises:
        BadInputError: Its package is not installed, or the tool has no such places.
    """
    name, package = _TRACKERS[format_]
    if importlib.util.find_spec(package) is None:
        raise BadInputError(
            f"{format_} needs the package {package}: pip install {package}", "--format"
        )
    module = importlib.import_module(f"lps_sweep.tracking.{format_}")
    return cast(Tracker, getattr(module, name)(place))
