from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lps_sweep.report import build_report
from tests.report.report_cases import C_TAU, ablation_record, make_ledger, record

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on the path"),
]


def _open(page: Path, profile: Path, *options: str) -> tuple[str, str]:
    """The document after its scripts ran, and what the browser logged."""
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        f"--user-data-dir={profile}",
        "--window-size=1280,3000",
        "--virtual-time-budget=20000",
        *options,
        "--dump-dom",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    error = "</script><img src=http://localhost/x onerror=document.title='hit'>"
    folder = make_ledger(
        tmp_path_factory.mktemp("results"), record(C_TAU), {(1, 0.2, 0): "failed"}, error=error
    )
    return build_report(folder, "c_tau")


def test_every_figure_is_drawn_without_an_error_or_a_request(page: Path, tmp_path: Path) -> None:
    document, log = _open(page, tmp_path)
    places = document.count('<div class="panel">')
    assert places >= 18
    assert document.count('data-drawn="1"') == places
    assert document.count('class="wait"') == 0
    assert "CONSOLE" not in log
    assert "<title>c_tau: sweep report</title>" in document


def test_an_ablation_with_freezing_is_drawn_as_well(tmp_path: Path) -> None:
    arms = ablation_record(margin=1.0)
    make_ledger(tmp_path, arms, epochs=5)
    levels = record({"frozen_through": ["stage3", "none"]}, name="freezing")
    make_ledger(tmp_path / "other", levels, epochs=5)
    pages = build_report(tmp_path, "ablation"), build_report(tmp_path / "other", "freezing")
    for number, page in enumerate(pages):
        document, log = _open(page, tmp_path / f"profile{number}")
        places = document.count('<div class="panel">')
        assert places >= 9
        assert document.count('data-drawn="1"') == places
        assert "CONSOLE" not in log


def test_dark_ground_exchanges_the_colours(page: Path, tmp_path: Path) -> None:
    shown = {}
    for scheme in (0, 1):
        document, _ = _open(page, tmp_path, f"--blink-settings=preferredColorScheme={scheme}")
        drawn = document[document.index("<body") : document.index('id="figures"')]
        shown[scheme] = (drawn.count("rgb(233, 230, 223)"), drawn.count("rgb(29, 29, 27)"))
    assert shown[0][0] > 50
    assert shown[0][1] == 0
    assert shown[1][0] == 0
    assert shown[1][1] > 50
