"""Kept features: what they say of the classes, and their t-SNE maps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lps_sweep.cli import main
from lps_sweep.report import build_report
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
from lps_sweep.report.pages.features import (
    FeatureInfo,
    class_key,
    draw_maps,
    feature_info,
    feature_table,
    sections,
)
from lps_sweep.results import Json, load_view
from tests.report.artefact_cases import blobs, with_artefacts
from tests.report.report_cases import ablation_record, record


def put_map(folder: Path) -> FeatureMap:
    """A map of the 120 images of `blobs`, made without scikit-learn."""
    view = load_view(folder, "c_tau")
    rows = tuple(range(120))
    points = tuple((float(i), float(-i)) for i in rows)
    found = FeatureMap(rows, {10: points, 30: points}, {10: 0.9, 30: 0.8})
    save_map(map_path(folder / "c_tau", view.artefacts["t00000"].sha256), found)
    return found


def info_of(folder: Path) -> FeatureInfo:
    (info,) = feature_info(load_view(folder, "c_tau"))
    return info


def test_without_a_map_the_numbers_stand_and_the_command_is_named(tmp_path: Path) -> None:
    folder = with_artefacts(tmp_path, record({"C": [10]}, [2, 1]))
    info = info_of(folder)
    assert (info.label, info.seed, info.num_seen) == ("default cell", 1, 5)
    assert info.classes == tuple(range(10)) * 12
    assert info.right[:7] == (False,) * 6 + (True,)
    assert (info.wrong, info.knn, info.map) == (6, 100.0, None)
    assert info.silhouette is not None
    assert 0.3 < info.silhouette < 1
    (section,) = sections(load_view(folder, "c_tau"))
    texts = [block for block in section.blocks if isinstance(block, str)]
    assert any("lps-sweep report DIR c_tau --maps" in text for text in texts)
    assert section.figures == ()


def test_a_map_is_drawn_with_rings_and_fixed_markers(tmp_path: Path) -> None:
    folder = with_artefacts(tmp_path, record({"C": [10]}, [0]))
    made = put_map(folder)
    info = info_of(folder)
    assert info.map == made
    panels = draw_maps([info])
    assert [panel.title for panel in panels] == [
        "default cell, seed 0; perplexity 10",
        "default cell, seed 0; perplexity 30",
    ]
    *classes, rings = panels[0].plot.data
    assert [trace["name"] for trace in classes][::9] == ["class 0, seen", "class 9, novel"]
    symbols = [trace["marker"]["symbol"] for trace in classes]
    assert symbols == ["circle"] * 5 + ["diamond"] * 5
    assert rings["x"] == [0, 1, 2, 3, 4, 5]
    assert feature_table([info]).rows[0][-2:] == (0.9, 0.8)


def test_each_class_has_its_own_colour_and_marker() -> None:
    keys = [class_key(k, 50) for k in range(14)] + [class_key(k, 50) for k in range(50, 64)]
    assert len({(key.colour, key.symbol) for key in keys}) == 28


def test_a_map_that_does_not_fit_is_none(tmp_path: Path) -> None:
    folder = with_artefacts(tmp_path, record({"C": [10]}, [0]))
    put_map(folder)
    (path,) = (folder / "c_tau" / "maps").iterdir()
    content = json.loads(path.read_bytes())
    changes: tuple[dict[str, Json], ...] = (
        {"rows": [1]},
        {"points": {}},
        {"trustworthiness": {"10": "x"}},
    )
    broken = [json.dumps({**content, **change}).encode() for change in changes]
    for damage in (b"", b"[]", b"{}", *broken):
        path.write_bytes(damage)
        assert load_map(path) is None
        assert info_of(folder).map is None


def test_a_new_map_makes_a_new_report_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    pages = []
    for name in ("a", "b"):
        folder = with_artefacts(tmp_path / name, record({"C": [10]}, [0]))
        before = build_report(folder, "c_tau").read_bytes()
        assert maps_digest(folder / "c_tau") == ""
        put_map(folder)
        pages.append(build_report(folder, "c_tau").read_bytes())
        assert pages[-1] != before
    assert pages[0] == pages[1]


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
def test_the_command_makes_the_maps_once(tmp_path: Path) -> None:
    sweep = ablation_record([0], arms=["full", "without_margin"])
    folder = with_artefacts(tmp_path, sweep)
    report = folder / "ablation" / "report.html"
    assert main(["report", str(folder), "ablation"]) == 0
    assert len(list(folder.rglob("maps/*.json"))) == 0
    assert main(["report", str(folder), "ablation", "--maps"]) == 0
    (written,) = folder.rglob("maps/*.json")
    shown, stamp = report.read_bytes(), written.stat().st_mtime_ns
    infos = feature_info(load_view(folder, "ablation"))
    assert [info.map is not None for info in infos] == [True, True], "of the same arrays"
    trust = [t for info in infos if info.map for t in info.map.trustworthiness.values()]
    assert min(trust) > 0.75
    assert main(["report", str(folder), "ablation", "--maps"]) == 0
    assert written.stat().st_mtime_ns == stamp, "none is made again"
    written.unlink()
    assert main(["report", str(folder), "ablation", "--maps"]) == 0
    assert report.read_bytes() == shown
