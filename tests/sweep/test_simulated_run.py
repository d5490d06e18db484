"""A real run beside its simulation, by the costs that the run itself recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.plan import Resources, expand, read_space
from lps_sweep.results import Ledger
from lps_sweep.sweep.content import content_of
from lps_sweep.sweep.costs import recorded_costs
from lps_sweep.sweep.estimate import estimate
from lps_sweep.sweep.simulated import SimulatedDriver, Work, Workers

SPACE = """
name: timed
preset: digits
set: {epochs: 3, pretrain_epochs: 0}
grid: {C: [1, 5, 10], tau: [0.2, 0.4]}
seeds: [0, 1]
resources: {max_pack_size: 3, gpus_per_pack: 0}
"""


@pytest.mark.slow
def test_a_run_takes_about_as_long_as_its_simulation(tmp_path: Path) -> None:
    """Both grow alike on a machine with other work."""
    (file := tmp_path / "s.yaml").write_text(SPACE)
    assert main(["run", str(file), "--results", str(tmp_path / "r"), "--inline"]) == 0
    trials = expand(read_space(file), content_of)
    with Ledger.open(tmp_path / "r") as ledger:
        costs = recorded_costs(ledger, tmp_path / "r")
        attempts = [one for t in trials for one in ledger.attempts(t.trial_id)]
    assert len(attempts) == 12
    took_s = max(a.ended_at or 0.0 for a in attempts) - min(a.begun_at or 0.0 for a in attempts)
    work = Work([trials], (), costs, Resources(max_pack_size=3))
    found = estimate(SimulatedDriver(work, Workers(1, 0.0)))
    assert found.hours is not None
    assert 0.8 < found.hours * 3600 / took_s < 1.25
