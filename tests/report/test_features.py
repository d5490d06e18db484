from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lps_sweep.cli import main
from lps_sweep.report import build_report
from lps_sweep.report.figures.features import (
    class_key,
    draw_maps,
    feature_info,
    feature_table,
    sections,
)
from lps_sweep.report.maps import (
    FeatureMap,
    compute_map,
    load_map,
    make_maps,
    map_path,
    maps_digest,
    save_map,
    shown_rows,
)
from lps_sweep.report.script import run_maps
from lps_sweep.report.section import Figure
from lps_sweep.results import Json, load_view
from tests.report.artefact_cases import blobs, with_artefacts
from tests.report.report_cases import ablation_record, make_ledger, record


def put_map(folder: Path, trial: str = "t00000") -> FeatureMap:
    """A map of the 120 images of `blobs`, made without scikit-learn."""
    view = load_view(folder, "c_tau")
    rows = tuple(range(120))
    points = tuple((float(i), float(-i)) for i in rows)
    found = FeatureMap(rows, {10: points, 30: points}, {10: 0.9, 30: 0.8})
    save_map(map_path(folder / "c_tau", view.artefacts[trial].sha256), found)
    return found


def test_without_a_map_the_numbers_stand_and_the_cure_is_named(tmp_path: Path) -> None:
    view = load_view(with_artefacts(tmp_path, record({"C": [10]}, [2, 1])), "c_tau")
    (info,) = feature_info(view)
    assert (info.label, info.seed, info.num_seen) == ("default cell", 1, 5)
    assert info.classes == tuple(range(10)) * 12
    assert info.wrong == 6
    assert info.right[:7] == (False,) * 6 + (True,)
    assert info.knn == 100.0
    assert info.silhouette is not None
    assert 0.3 < info.silhouette < 1
    assert info.map is None
    (section,) = sections(view)
    texts = [block for block in section.blocks if isinstance(block, str)]
    assert any("lps-sweep report DIR c_tau --maps" in text for text in texts)
    assert not [block for block in section.blocks if isinstance(block, Figure)]


def test_before_the_first_finished_trial_the_section_says_what_will_fill_it(
    tmp_path: Path,
) -> None:
    waiting = make_ledger(tmp_path / "a", record({"C": [10]}, [0]), otherwise="running")
    (section,) = sections(load_view(waiting, "c_tau"))
    assert "lps-sweep report DIR c_tau --maps" in str(section.blocks[0])
    search: dict[str, Json] = {"objectives": ["oracle.acc_all"], "sampler": "tpe"}
    asked = record({"C": [10]}, [0], search=search)
    asked_of = make_ledger(tmp_path / "b", asked, otherwise="running")
    assert sections(load_view(asked_of, "c_tau")) == []


def test_a_map_is_drawn_with_rings_and_fixed_markers(tmp_path: Path) -> None:
    folder = with_artefacts(tmp_path, record({"C": [10]}, [0]))
    made = put_map(folder)
    view = load_view(folder, "c_tau")
    (info,) = feature_info(view)
    assert info.map == made
    panels = draw_maps([info])
    assert [panel.title for panel in panels] == [
        "default cell, seed 0; perplexity 10",
        "default cell, seed 0; perplexity 30",
    ]
    *classes, rings = panels[0].figure.data
    assert [trace.name for trace in classes][::9] == ["class 0, seen", "class 9, novel"]
    assert [trace.marker.symbol for trace in classes] == ["circle"] * 5 + ["diamond"] * 5
    assert list(rings.x) == [0, 1, 2, 3, 4, 5]
    assert rings.marker.symbol == "circle-open"
    table = feature_table([info])
    assert table.rows[0][-2:] == (0.9, 0.8)
    (section,) = sections(view)
    (figure,) = [block for block in section.blocks if isinstance(block, Figure)]
    for words in ("PCA", "perplexities 10 and 30", "seed 0", "120 unlabeled", "no evidence"):
        assert words in figure.caption


def test_each_class_has_its_own_colour_and_marker() -> None:
    keys = [class_key(k, 5) for k in range(10)]
    assert len({(key.colour, key.symbol) for key in keys}) == 10
    many = [class_key(k, 50) for k in range(14)] + [class_key(k, 50) for k in range(50, 64)]
    assert len({(key.colour, key.symbol) for key in many}) == 28


def test_a_map_that_does_not_fit_is_none(tmp_path: Path) -> None:
    folder = with_artefacts(tmp_path, record({"C": [10]}, [0]))
    put_map(folder)
    (path,) = (folder / "c_tau" / "maps").iterdir()
    content = json.loads(path.read_bytes())
    for damage in (
        b"",
        b"[]",
        b"{}",
        json.dumps({**content, "rows": [1]}).encode(),
        json.dumps({**content, "points": {}}).encode(),
        json.dumps({**content, "trustworthiness": {"10": "x"}}).encode(),
    ):
        path.write_bytes(damage)
        assert load_map(path) is None
        assert feature_info(load_view(folder, "c_tau"))[0].map is None


def test_a_new_map_makes_a_new_report_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        folder = with_artefacts(tmp_path / name, record({"C": [10]}, [0]))
        before = build_report(folder, "c_tau").read_bytes()
        assert maps_digest(folder / "c_tau") == ""
        put_map(folder)
        pages.append(build_report(folder, "c_tau").read_bytes())
        assert pages[-1] != before
        stamp = (folder / "c_tau" / "report.html").stat().st_mtime_ns
        build_report(folder, "c_tau")
        assert (folder / "c_tau" / "report.html").stat().st_mtime_ns == stamp
    assert pages[0] == pages[1]


def test_the_report_never_waits_for_scikit_learn(tmp_path: Path) -> None:
    folder = with_artefacts(tmp_path, record({"C": [1, 10]}, [0, 1]))
    put_map(folder, "t00002")
    code = (
        "import sys; from pathlib import Path; from lps_sweep.report import *\n"
        "build_report(Path(sys.argv[1]), 'c_tau')\n"
        "print([m for m in ('torch', 'ray', 'sklearn', 'optuna') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_features_that_are_not_finite_have_no_section(tmp_path: Path) -> None:
    def broken(seed: int) -> dict[str, np.ndarray]:
        arrays = blobs(seed)
        arrays["features"][3, 0] = np.nan
        return arrays

    view = load_view(with_artefacts(tmp_path, record({"C": [10]}, [0]), broken), "c_tau")
    assert sections(view) == []
    assert make_maps(view) == []


def test_rows_are_spread_evenly() -> None:
    assert shown_rows(3).tolist() == [0, 1, 2]
    assert len(shown_rows(1000)) == 400
    assert shown_rows(1000)[[0, -1]].tolist() == [0, 999]
    with pytest.raises(ValueError, match="more than 90"):
        compute_map(np.ones((50, 4)))


@pytest.mark.slow
def test_script_and_command_make_the_maps_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = ablation_record([0], arms=["full", "without_margin"])
    folder = with_artefacts(tmp_path, sweep)
    report = folder / "ablation" / "report.html"
    assert main(["report", str(folder), "ablation"]) == 0
    assert len(list(folder.rglob("maps/*.json"))) == 0
    assert main(["report", str(folder), "ablation", "--maps"]) == 0
    (written,) = folder.rglob("maps/*.json")
    shown = report.read_bytes()
    view = load_view(folder, "ablation")
    infos = feature_info(view)
    assert [info.map is not None for info in infos] == [True, True], "of the same arrays"
    trust = [t for info in infos if info.map for t in info.map.trustworthiness.values()]
    assert min(trust) > 0.75
    capsys.readouterr()
    assert run_maps("t", [str(folder / "ablation")]) == 0
    assert capsys.readouterr().out.split() == [str(report)], "none is made again"
    written.unlink()
    assert run_maps("t", [str(folder / "ablation")]) == 0
    assert capsys.readouterr().out.split() == [str(written), str(report)]
    assert report.read_bytes() == shown
    assert run_maps("t", [str(folder / "nothing")]) == 4
