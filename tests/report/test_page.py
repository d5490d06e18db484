"""The page as a whole: first screen, links, bytes, what may run, hostile names, any sweep."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.report import build_report
from lps_sweep.report.pages.overview import (
    confirming,
    data_text,
    headline_table,
    selected_of,
    summarise,
)
from lps_sweep.results import Json, Ledger, load_view
from lps_sweep.results.statistics import (
    DIFFERENCE_COVERAGE_WITH_MERGES,
    MEAN_COVERAGE_WITH_MERGES,
)
from tests.report.frozen_cases import FINISHED
from tests.report.report_cases import (
    C_TAU,
    PAPER,
    SETTINGS,
    ablation_record,
    make_ledger,
    record,
)

HOSTILE = "=Boom: </script><img src=x onerror=alert(1)> \x1b[31m $x_1$ %\nsecond line"


def page_of(folder: Path, sweep: str = "c_tau") -> str:
    return build_report(folder, sweep).read_text(encoding="utf-8")


def packed(page: str, name: str) -> Any:
    """What a script element of the page holds, compressed."""
    found = re.search(rf'id="{name}">([^<]*)<', page)
    assert found is not None
    text = gzip.decompress(base64.b64decode(found[1]))
    return text if name == "plotly" else json.loads(text)


def shown(page: str) -> str:
    """What a reader sees before any script runs."""
    return re.sub(r"<script.*?</script>|<style.*?</style>", "", page, flags=re.DOTALL)


def first_screen(page: str) -> str:
    text = shown(page)
    return text[text.index('<section id="summary">') : text.index("</section>")]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fates = {(1, 0.2, 1): "failed", (20, 0.6, 0): "diverged", (5, 0.5, 2): "not_run"}
    folder = tmp_path_factory.mktemp("results")
    return make_ledger(folder, record(C_TAU, question="C < 10?"), fates, error=HOSTILE)


@pytest.fixture(scope="module")
def page(full: Path) -> str:
    return page_of(full)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(FINISHED, tmp_path_factory.mktemp("finished") / "results")


def test_the_first_screen(page: str) -> None:
    first = first_screen(page)
    assert "C &lt; 10?" in first
    assert "72 of 75 planned trials are done." in first
    assert "Not the paper\u2019s setting: digits with small_cnn for 20 epochs" in first
    assert first.count("oracle") == 1
    assert 'id="table-default_cell"' in first
    assert len(re.findall(r'class="(?:done|failed|diverged|not_run)" x=', first)) == 4
    assert '<figure id="forest_figure">' in first
    effects = page[page.index('<section id="effects">') :]
    assert '<a href="#forest_figure">' in effects[: effects.index("</section>")]
    assert page.count('<figure id="forest_figure">') == 1


def test_the_paper_s_setting_has_no_banner(tmp_path: Path) -> None:
    text = shown(page_of(make_ledger(tmp_path, record({"C": [1, 10]}, settings=PAPER))))
    assert "Not the paper" not in text
    assert "Difference to paper" in text


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "; the first half of the classes seen; "),
        ({"novel_classes": 20}, "; the first half of the classes seen and the next 20 novel; "),
        ({"novel_classes": 0.2}, " seen and the next 0.2 of the others novel; "),
        ({"assumed_classes": 80}, " of the classes seen, 80 classes assumed in all; "),
        ({"seen_classes": [3, 1], "novel_classes": 5}, "classes 3, 1 seen and the next 5 novel"),
        ({"dataset": "imagenet100", "image_size": 128}, "stored squares of 128 x 128 pixels"),
    ],
)
def test_the_data_is_told(settings: dict[str, Json], words: str) -> None:
    assert words in data_text(record({"C": [1.0]}, settings={**SETTINGS, **settings}))


def test_what_a_search_selected_stands_beside_the_default(finished: Path) -> None:
    view = load_view(finished, "net_search")
    best = selected_of(view)
    assert best is not None
    table = headline_table(view)
    keys = [column.key for column in table.columns]
    found = {row[0]: dict(zip(keys, row, strict=True)) for row in table.rows}
    finals = view.trials.set_index("trial_id")["acc_novel"]
    values = [finals[trial] for trial in best.trials.trials.values()]
    assert found["Novel"]["selected"] == pytest.approx(sum(values) / len(values))
    assert found["Novel"]["selected_n"] == 3
    assert best.words in table.caption
    command = "lps-sweep confirm {} net_search"
    assert confirming(view, "results") == command.format("results")
    path = build_report(finished, "net_search")
    text = path.read_text(encoding="utf-8")
    assert command.format("DIR") in first_screen(text)
    assert str(finished) not in text, "the same page wherever the folder lies"
    headline = path.parent / "tables" / "default_cell.csv"
    with headline.open(encoding="utf-8", newline="") as file:
        assert {"selected", "selected_sd", "selected_n"} <= set(next(csv.reader(file)))


@pytest.mark.parametrize("sweep", ["net_grid", "net_front"])
def test_nothing_selected_has_no_command(finished: Path, sweep: str) -> None:
    view = load_view(finished, sweep)
    assert confirming(view) == ""
    assert selected_of(view) is None


def test_notes_are_behind_a_fold_and_tables_behind_headings_are_all_there(page: str) -> None:
    for caption in re.findall(r"<figcaption>(.*?)</figcaption>", page, re.S):
        assert len(re.sub(r"<details.*", "", caption, flags=re.S)) < 300
    assert page.count('<details class="part">') >= 6
    tables = set(re.findall(r'data-table="([^"]+)"', page))
    assert {"trials", "provenance", "claims", "pace_C", "cost"} <= tables


def test_the_page_is_one_offline_file(page: str) -> None:
    assert len(page.encode()) < 6_000_000
    assert "default-src 'none'" in page
    assert "'unsafe-eval'" not in page
    config = packed(page, "figures")["config"]
    assert (config["showSendToCloud"], config["displaylogo"]) == (False, False)
    text = shown(page)
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', text) == []
    assert re.findall(r"https?://|@import|url\(", text) == []
    assert re.findall(r"<(?:link|img|iframe|object|embed)\b[^>]*", text) == [
        '<link rel="icon" href="data:,"'
    ]
    assert page.count('id="plotly"') == 1


def test_only_the_page_s_own_scripts_may_run(page: str) -> None:
    policy = re.search(r"script-src ([^;]*);", page)
    assert policy is not None
    own = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    codes = [*(code.encode() for code in own), packed(page, "plotly")]
    hashes = [base64.b64encode(hashlib.sha256(code).digest()).decode() for code in codes]
    assert policy[1].split() == [f"'sha256-{known}'" for known in hashes]


def test_tables_of_the_page_are_those_of_the_files(full: Path, page: str) -> None:
    texts, folder = packed(page, "tables"), full / "c_tau" / "tables"
    assert len(texts) > 8
    for name, kinds in texts.items():
        for kind, suffix in {"csv": "csv", "markdown": "md", "latex": "tex"}.items():
            assert kinds[kind] == (folder / f"{name}.{suffix}").read_text(encoding="utf-8")


def test_hostile_text_is_shown_and_does_nothing(page: str, tmp_path: Path) -> None:
    assert "Boom: &lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;" in page
    arm = "x</script><img src=x onerror=alert(1)> $a_b$ %"
    arms: dict[str, dict[str, Json]] = {"full": {}, arm: {"dataset": arm}}
    folder = make_ledger(tmp_path, ablation_record(arms=list(arms)), epochs=2, arms=arms)
    for text in (page, page_of(folder, "ablation")):
        assert "<img" not in text
        assert "\x1b" not in text
        assert len(re.findall("</script>", text)) == 5


def test_ids_are_unique_and_every_link_has_its_target(page: str, tmp_path: Path) -> None:
    levels: dict[str, list[Json]] = {"frozen_through": ["stage3", "none"], "eta1": [0.6, 1.0]}
    other = record(levels, settings={**PAPER, "eta1": 1.0}, margin=0.5)
    pages = [page, page_of(make_ledger(tmp_path / "b", other, epochs=3))]
    arms = make_ledger(tmp_path / "a", ablation_record(), epochs=3)
    for text in map(shown, [*pages, page_of(arms, "ablation")]):
        ids = re.findall(r'\sid="([^"]+)"', text)
        links = re.findall(r'href="#([^"]*)"', text)
        assert len(set(ids)) == len(ids)
        assert len(links) > 12
        assert set(links) <= set(ids)


@pytest.mark.parametrize(("axes", "fate"), [({"C": [1, 10]}, "running"), ({}, "done")])
def test_any_sweep_builds(tmp_path: Path, axes: dict[str, list[Json]], fate: str) -> None:
    folder = make_ledger(tmp_path, record(axes, [0]), epochs=3, otherwise=fate)
    assert "planned trials are done." in page_of(folder)
    completeness = summarise(load_view(folder, "c_tau"), []).completeness
    assert completeness.startswith("1 of 1 " if fate == "done" else "0 of 2 ")


def test_mixed_code_is_flagged_on_the_first_screen(tmp_path: Path) -> None:
    make_ledger(tmp_path, record({"C": [1, 10]}), {(1, 0): "not_run"}, epochs=2)
    with Ledger.open(tmp_path, write=True) as ledger:
        trial = ledger.outstanding("c_tau")[0]
        attempts = ledger.start_attempts([trial], "p", {"code": "other"})
        ledger.begin_attempt(trial, attempts[trial], {"device": "cpu"})
    assert "not all run with the same code" in first_screen(page_of(tmp_path))


def test_the_notes_print_the_coverage_that_was_simulated(page: str) -> None:
    for n in (3, 5):
        assert f"{MEAN_COVERAGE_WITH_MERGES[n]} % of cases with {n} seeds" in page
        assert f"{DIFFERENCE_COVERAGE_WITH_MERGES[n]} % of cases with {n} seeds" in page


def test_the_paper_s_setting_is_judged_by_what_it_leads_to_expect(tmp_path: Path) -> None:
    def finals(_: Sequence[Any], seed: int) -> dict[str, float]:
        return {"acc_seen": 90.0 + 0.1 * seed, "acc_novel": 80.0 + 0.1 * seed, "acc_all": 92.0}

    sweep = record({"C": [1, 10]}, settings=PAPER)
    view = load_view(make_ledger(tmp_path, sweep, epochs=2, finals=finals), "c_tau")
    words = {row[0]: row[-1] for row in headline_table(view).rows}
    assert (words["Seen"], words["Novel"]) == ("consistent", "different")


def test_a_long_table_scrolls_in_itself(page: str) -> None:
    assert '<div class="scroll tall" role="region" aria-label="Table trials"' in page
    assert '<div class="scroll" role="region" aria-label="Table default_cell"' in page
