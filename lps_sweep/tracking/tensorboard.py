"""TensorBoard event files: a folder per trial, scalars by epoch, the HParams table."""

from __future__ import annotations

from collections.abc import Mapping

from tensorboardX import SummaryWriter
from tensorboardX.summary import hparams

from lps_sweep.files import local_path, make_folder
from lps_sweep.results.outputs import Output
from lps_sweep.results.places import refuse_own
from lps_sweep.tracking.history import SweepHistory, TrialHistory
from lps_sweep.tracking.trackers import Tracker

SUFFIX = ".lps_sweep"
"""How the names of our event files end."""


class TensorBoardTracker(Tracker):
    """Writes event files into ``PLACE/<trial_id>/``, those of an earlier tracker anew.

    Args:
        place: A folder, made if missing.
    """

    def __init__(self, place: str) -> None:
        super().__init__()
        self._place = local_path(place, "--to")
        self._writers: dict[str, SummaryWriter] = {}

    def claim(self, sweep: SweepHistory) -> None:
        """See `Tracker.claim`."""
        refuse_own(self._place, "--to")
        output = Output(self._place, "tensorboard", sweep.folder, sweep.record.name)
        output.claim_folders(trial.trial_id for trial in sweep.trials)

    def begin(self, trial: TrialHistory) -> int:
        """See `Tracker.begin`: all of it is written again."""
        folder = make_folder(self._place / trial.trial_id)
        for old in folder.glob(f"events.out.tfevents.*{SUFFIX}"):
            old.unlink()
        writer = SummaryWriter(str(folder), filename_suffix=SUFFIX)
        writer.add_text("trial", f"{trial.sweep}: {trial.name}")
        self._writers[trial.trial_id] = writer
        return 0

    def send(self, trial: TrialHistory, epochs: Mapping[int, Mapping[str, float]]) -> None:
        """See `Tracker.send`."""
        writer = self._writers[trial.trial_id]
        for epoch, metrics in epochs.items():
            for name, value in metrics.items():
                writer.add_scalar(name, value, epoch)
        writer.flush()

    def finish(self, trial: TrialHistory) -> None:
        """See `Tracker.finish`; the HParams table lists done trials by their final metrics."""
        writer = self._writers.pop(trial.trial_id)
        values = {
            name: value if isinstance(value, bool | int | float | str) else str(value)
            for name, value in trial.config.items()
        }
        final = {f"final/{name}": value for name, value in trial.final.items()}
        for summary in hparams({**values, "status": trial.status}, dict.fromkeys(final, 0.0)):
            writer.file_writer.add_summary(summary)
        for name, value in final.items():
            writer.add_scalar(name, value, max(trial.epochs, default=0))
        writer.close()

    def close(self) -> None:
        """See `Tracker.close`."""
        for writer in self._writers.values():
            writer.close()
