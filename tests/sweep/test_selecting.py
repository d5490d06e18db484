"""What a rule takes of a sweep, as a search space."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import yaml

from lps_sweep.cli import main
from lps_sweep.config import flat
from lps_sweep.errors import BadInputError, ExitCode
from lps_sweep.plan import read_space
from lps_sweep.results import Json
from lps_sweep.sweep.selecting import selection_text
from tests.report.report_cases import make_ledger, record
from tests.sweep.test_confirmation import SOURCE, settings

SEARCH: Mapping[str, Json] = {"domains": [{"name": "C"}], "objectives": ["silhouette"]}


def made(folder: Path, **changes: Json) -> Path:
    """Silhouettes that rise with C, and balance that is noise."""

    def finals(point: tuple[float, ...], seed: int) -> dict[str, float]:
        noise = {(5, 0): 0.3, (10, 0): 0.1, (20, 0): 0.2, (5, 3): 0.1, (10, 3): 0.3, (20, 3): 0.2}
        found = {"acc_seen": 90.0, "acc_all": 80.0 - point[-1] + seed}
        return {**found, "silhouette": point[-1] / 100 + seed / 1000} | {
            "balance": noise[int(point[-1]), seed]
        }

    axes: dict[str, list[Json]] = {"tau": [0.2, 0.4]} if changes.pop("both", False) else {}
    sweep = record({**axes, "C": [5, 10, 20]}, [0, 3], settings=settings(), name="c")
    sweep = dataclasses.replace(sweep, source=SOURCE, **changes)  # type: ignore[arg-type]
    return make_ledger(folder, sweep, finals=finals)  # type: ignore[arg-type]


def test_it_prints_a_search_space_that_is_ready_to_run(tmp_path: Path) -> None:
    results, printed = made(tmp_path / "r"), io.StringIO()
    with redirect_stdout(printed):
        assert main(["select", f"{results}/c", "--rule", "silhouette"]) == ExitCode.DONE
    file = tmp_path / "selected.yaml"
    file.write_text(printed.getvalue())
    space = read_space(file)
    (arm,) = space.variants
    assert flat(space.config_of(arm)) == settings() | {"C": 20.0}
    content = yaml.safe_load(printed.getvalue())
    assert (content["name"], content["seeds"]) == ("c_selected", [0, 3])
    assert content["resources"] == {"max_pack_size": 7}
    reasons = [line for line in printed.getvalue().splitlines() if line.startswith("#")]
    assert "0.2015" in reasons[0]
    assert reasons[1].endswith("takes 3")
    with redirect_stdout(io.StringIO()) as planned:
        assert main(["plan", str(file), "--results", str(tmp_path / "new")]) == ExitCode.DONE
    assert "2 trials" in planned.getvalue()


def test_each_of_several_searches_is_an_arm(tmp_path: Path) -> None:
    results = made(tmp_path / "r", both=True, search=dict(SEARCH))
    content = yaml.safe_load(selection_text(results, "c", ""))
    assert content["arms"] == {
        "selected_0.2": {"tau": 0.2},
        "selected_0.4": {"tau": 0.4},
    }
    assert content["set"]["C"] == 20


def test_a_rule_that_cannot_tell_prints_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = made(tmp_path / "r")
    for rule, told in (("balance", "cannot tell"), ("", "--rule"), ("holdout", "cannot tell")):
        assert main(["select", str(results), "c", "--rule", rule]) == ExitCode.BAD_INPUT
        out, err = capsys.readouterr()
        assert (out, told in err) == ("", True)
    with pytest.raises(BadInputError, match="silhouette"):
        selection_text(results, "c", "silhouete")
