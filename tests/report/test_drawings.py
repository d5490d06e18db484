"""Figures as files: Plotly JSON that stands by itself, and the CSV of what is drawn."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import time
from pathlib import Path

import plotly.io as pio
import pytest

from lps_sweep.cli import main
from lps_sweep.report import build_report, images
from lps_sweep.report.drawings import COLUMNS, Drawing, draw_all, to_data_csv, to_plotly
from lps_sweep.report.images import missing, write_images
from lps_sweep.report.model import Figure, Key, Panel, Section
from lps_sweep.report.plot import Plot
from lps_sweep.results import driver_lock
from tests.report.report_cases import make_ledger, record


def drawing(figure: Plot) -> Drawing:
    panel = Panel("Novel", figure)
    drawn = Figure("f", "Finding", "", (Key("a <b>", "blue", "dash", "square"),), lambda: (panel,))
    return draw_all([Section("s", "S", (drawn,))])[0]


def rows(found: Drawing) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_data_csv(found))))


def test_points_with_their_trial_and_interval() -> None:
    figure = Plot()
    figure.add_scatter(
        x=[1, 2],
        y=[90.5, 91.0],
        ids=["t1", "t2"],
        name="=1+1",
        error_y={"type": "data", "array": [1, 2], "arrayminus": [0.5, 0.25]},
    )
    found = rows(drawing(figure))
    assert tuple(found[0]) == COLUMNS
    assert [(row["trial"], row["x"], row["y"]) for row in found] == [
        ("t1", "1", "90.5"),
        ("t2", "2", "91.0"),
    ]
    assert [(row["low"], row["high"]) for row in found] == [("90.0", "91.5"), ("90.75", "93.0")]
    assert found[0]["name"] == "'=1+1"


def test_cells_of_a_heatmap() -> None:
    figure = Plot()
    figure.add_heatmap(x=["a", "b"], y=["c"], z=[[1.5, None]], text=[["one", ""]])
    found = rows(drawing(figure))
    assert [(row["x"], row["y"], row["z"], row["text"]) for row in found] == [
        ("a", "c", "1.5", "one"),
        ("b", "c", "", ""),
    ]


def test_a_file_has_title_legend_and_template() -> None:
    figure = Plot()
    figure.add_scatter(x=[1], y=[2])
    read = pio.from_json(to_plotly(drawing(figure)))
    assert read.layout.title.text == "Finding<br><sup>Novel</sup>"
    assert read.layout.showlegend
    assert [trace.name for trace in read.data if trace.showlegend] == ["a &lt;b&gt;"]
    assert read.layout.template.layout.font.color == "#1d1d1b"


def test_every_figure_of_a_report_is_a_file_in_the_manifest(tmp_path: Path) -> None:
    report = build_report(make_ledger(tmp_path, record({"C": [1, 10]}), epochs=3), "c_tau")
    figures = report.parent / "figures"
    names = {path.stem for path in figures.glob("*.json")}
    assert {"sensitivity_C_figure-2-novel", "pace_C_figure-1-seen"} <= names
    assert names == {path.stem for path in figures.glob("*.csv")}
    known = json.loads((report.parent / "report.json").read_text(encoding="utf-8"))["files"]
    for path in figures.iterdir():
        assert known[f"figures/{path.name}"] == hashlib.sha256(path.read_bytes()).hexdigest()
    with (figures / "sensitivity_C_figure-2-novel.csv").open(encoding="utf-8", newline="") as file:
        trials = {row["trial"] for row in csv.DictReader(file)} - {""}
    assert trials == {f"t{i:05d}" for i in range(6)}


def test_images_are_skipped_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), epochs=2)
    monkeypatch.setattr(images, "BROWSERS", ("no-such-browser",))
    assert main(["report", str(tmp_path), "--images"]) == 0
    out = capsys.readouterr().out
    assert "c_tau/report.html" in out
    assert "no images: " in out


@pytest.mark.browser
@pytest.mark.slow
def test_images_in_one_batch(tmp_path: Path) -> None:
    if missing():
        pytest.skip(missing())
    make_ledger(tmp_path, record({"C": [1, 10]}, [0, 1]), epochs=2)
    report = build_report(tmp_path, "c_tau")
    found = write_images(tmp_path, "c_tau")
    assert found.reason == ""
    assert len(found.paths) == 3 * len(list((report.parent / "figures").glob("*.json")))
    starts = {".svg": b"<svg", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    assert all(path.read_bytes().startswith(starts[path.suffix]) for path in found.paths)
    before = {path: path.stat().st_mtime_ns for path in found.paths}
    assert write_images(tmp_path, "c_tau") == found
    assert {path: path.stat().st_mtime_ns for path in found.paths} == before
    make_ledger(tmp_path, record({"C": [1, 10]}, [0, 1, 2]), otherwise="not_run")
    build_report(tmp_path, "c_tau")
    assert not any(path.exists() for path in found.paths)


def test_watching_rebuilds_at_news_and_ends_with_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}, [0, 1]), epochs=1)
    pages: list[bytes] = []

    def look(_: float) -> None:
        pages.append((tmp_path / "c_tau" / "report.html").read_bytes())
        if len(pages) == 2:
            make_ledger(tmp_path, record({"C": [1, 10]}, [0, 1, 2]), otherwise="not_run")
        if len(pages) == 3:
            driver.close()

    monkeypatch.setattr(time, "sleep", look)
    with contextlib.ExitStack() as driver:
        driver.enter_context(driver_lock(tmp_path))
        assert main(["report", str(tmp_path), "--watch", "1"]) == 0
    assert pages[0] == pages[1] != pages[2]
    assert len(pages) == 3
    assert capsys.readouterr().out.count("report.html") == 2


def test_an_interrupted_watch_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), epochs=1)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    with driver_lock(tmp_path):
        assert main(["report", str(tmp_path), "--watch"]) == 130
