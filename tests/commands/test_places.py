"""Every verb and every option that names a sweep or a place: right, or refused and nothing made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import ExitCode
from tests.tracking.ledgers import ledger

LOOKING = ("status", "report", "check", "export", "confirm", "select", "noise", "show", "compare")
SPACE = "name: tiny\npreset: digits\nset: {epochs: 1}\ngrid: {C: [5, 10]}\nseeds: [0]\n"


def verb(name: str, places: Sequence[str], folder: Path) -> list[str]:
    """The command line of a verb with these words for its sweep; a trial or sweep is added."""
    more = {
        "export": ["--to", str(folder / "out")],
        "confirm": ["--inline", "--rule", "oracle.acc_all"],
        "select": ["--rule", "oracle.acc_all"],
        "noise": ["--plan"],
        "show": ["t00000"],
        "compare": [*places],
    }
    return [name, *places, *more.get(name, [])]


def code(arguments: Sequence[str]) -> int:
    """The exit status, also where the arguments themselves are refused."""
    try:
        return main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def listing(folder: Path) -> list[str]:
    left = [str(path.relative_to(folder)) for path in folder.rglob("*")]
    return sorted(name for name in left if not name.endswith(("-shm", "-wal")))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the results folder ``r``, which has the sweep ``c``; not to be changed."""
    folder = tmp_path_factory.mktemp("made")
    ledger(folder / "r")
    (folder / "r" / "c").mkdir(exist_ok=True)
    (folder / "file").write_text("mine")
    (folder / "empty").mkdir()
    (folder / "tiny.yaml").write_text(SPACE)
    return folder


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """`made`, to be in, and at home; it is as it was afterwards."""
    monkeypatch.chdir(made)
    monkeypatch.setenv("HOME", str(made))
    before = listing(made)
    yield made
    assert listing(made) == before


@pytest.fixture
def copy(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `made`, likewise, which may be changed."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (["r", "cc"], "'c'"),
        (["r/cc"], "'c'"),
        (["r", ".."], "'..'"),
        (["r", "checkpoints"], "checkpoints"),
        (["r", ""], ""),
        ([""], ""),
        (["rr/c"], "r?"),
        (["."], "r?"),
        (["empty"], "no ledger"),
        (["file"], "file"),
        (["r/c/tables"], "/r?"),
        (["s3://bucket/r"], "s3://bucket/r"),
        (["~nobody_of_this_name/r"], "nobody_of_this_name"),
        (["r\0", "c"], ""),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest(
    places: list[str], said: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in LOOKING:
        assert code(verb(name, places, here)) == ExitCode.BAD_INPUT, name
        assert said in capsys.readouterr().err, name


@pytest.mark.parametrize(
    ("start", "places"),
    [
        (".", ["r", "c"]),
        (".", ["r/c"]),
        (".", ["r/c/"]),
        (".", ["r/", "c"]),
        (".", ["./r/../r/c"]),
        (".", ["~/r/c"]),
        (".", ["~/r", "c"]),
        ("r", [".", "c"]),
        ("r", ["c"]),
        ("r/c", ["."]),
        ("r/c", ["..", "c"]),
        ("r/c", ["../c"]),
        ("empty", ["../r/c"]),
    ],
)
def test_a_sweep_is_found_however_it_is_written(
    start: str, places: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[Path, str]] = []

    def note(results: Path, sweep: str = "c", *_: object, **__: object) -> list[Path]:
        found.append((results, sweep))
        return []

    monkeypatch.chdir(here / start)
    monkeypatch.setattr("lps_sweep.report.build_report", note)
    monkeypatch.setattr("lps_sweep.report.export.export_frames", note)
    monkeypatch.setattr("lps_sweep.sweep.check.examine", note)
    for name in (*LOOKING[:4], *LOOKING[7:]):
        assert code(verb(name, places, here)) == ExitCode.DONE, name
    assert [(sweep[0].resolve(), sweep[1]) for sweep in found] == [(here / "r", "c")] * 3


def test_two_sweeps_are_named_together_or_apart(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger(copy / "q")
    texts = []
    for places in (["r/c", "q/c"], ["r", "c", "q", "c"], ["r/c", "q", "c"], ["r", "c", "q/c"]):
        assert main(["compare", *places]) == 0
        texts.append(capsys.readouterr().out)
    assert len(set(texts)) == 1
    assert main(["compare", "r", "c", "c"]) == 0
    assert main(["compare", "r/c", "--metric", "acc_all", "q/c"]) == 0
    for places in (["r/c"], ["r/c", "q/c", "q/c"], ["r/c", "q"]):
        assert main(["compare", *places]) == ExitCode.BAD_INPUT


def test_a_word_behind_an_option_is_still_of_the_place(copy: Path) -> None:
    assert main(["status", "r", "--json", "c"]) == 0
    assert main(["status", "r", "--json", "d"]) == ExitCode.BAD_INPUT
    assert main(["export", "r", "--to", "out", "c"]) == 0
    assert (copy / "out" / "trials.csv").exists()


def test_a_sweep_too_many_or_none_at_all(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "r", "c", "c"]) == ExitCode.BAD_INPUT
    assert main(["export", "r", "--to", "out"]) == ExitCode.BAD_INPUT
    assert "recorded are: c" in capsys.readouterr().err
    assert main(["show", "r"]) == ExitCode.BAD_INPUT
    assert not (here / "out").exists()


PLAN, RUN = ["plan", "tiny.yaml"], ["run", "tiny.yaml", "--inline"]
REFUSED = [
    *(
        [*verb, f"--results={place}"]
        for verb in (PLAN, RUN, ["train"], ["pretrain"])
        for place in (
            *("nothing://bucket/x", "", "~nobody_of_this_name/x", "file", "r/c", "r/checkpoints"),
            *("r/ledger.sqlite", "r\0"),
        )
    ),
    *([verb, "--results=s3://bucket/x"] for verb in ("train", "pretrain")),
    [*RUN, "--results=s3://key:secret@bucket/x"],
    *(
        [*verb, option]
        for verb in (PLAN, RUN)
        for option in (
            *("--set=data_root=s3://bucket/x", "--set=pretrained=https://host/weights.pt"),
            *("--preset=digit", "--resources=cpus_per_pack=x"),
        )
    ),
    *(["run", "tiny.yaml", "--address", a] for a in ("nonsense", "", "host:port", "host:99999")),
    [*RUN, "--address", "auto"],
    *([*RUN, f"--only={choice}"] for choice in ("trial=zz", "C=99", "D=5", "C", "")),
    *([*RUN, option] for option in ("--retry=done", "--limit=0", "--budget=hours=1,weeks=1")),
    *([*RUN, f"--ask-above={limit}"] for limit in ("days=1", "trials=-1", "hours=", "trials=1.5")),
    *(
        [*verb, file]
        for verb in (["plan"], ["run", "--inline"])
        for file in ("s3://bucket/tiny.yaml", "", "nowhere.yaml", "empty", "x\0")
    ),
    ["export", "r", "c", "--to", "file"],
    ["prepare", "imagenet-100", "--root", "empty"],
    ["prepare", "imagenet100", "--root", "empty"],
    ["prepare", "imagenet100", "--root", "empty", "--size", "30"],
    ["export", "r", "c", "--to", "x", "--watch", "0"],
]


@pytest.mark.parametrize("command", REFUSED, ids=" ".join)
@pytest.mark.usefixtures("here")
def test_what_cannot_be_is_refused_before_anything_is_made(command: list[str]) -> None:
    assert code(command) == ExitCode.BAD_INPUT


def test_homes_are_homes_wherever_a_place_is_given(copy: Path) -> None:
    assert main(["export", "r", "c", "--to=~/out"]) == 0
    assert (copy / "out" / "trials.csv").exists()
    assert main(["plan", "~/tiny.yaml", "--results=~/r"]) == 0
    assert not (copy / "~").exists()


def test_a_file_where_the_folder_of_the_sweep_is_due(copy: Path) -> None:
    (copy / "r" / "tiny").write_text("mine")
    before = listing(copy)
    assert main(["run", "tiny.yaml", "--inline", "--results", "r"]) == ExitCode.BAD_INPUT
    assert listing(copy) == before
    assert (copy / "r" / "tiny").read_text() == "mine"


def test_a_folder_that_lost_its_ledger_is_still_checked(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / "r" / "artefacts").mkdir(exist_ok=True)
    (copy / "r" / "artefacts" / "x-1.json").write_text("{}")
    for name in ("ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"):
        (copy / "r" / name).unlink(missing_ok=True)
    for places in (["r"], ["r", "c"], ["r/c"]):
        assert main(["check", *places]) == ExitCode.STORAGE
        assert "is gone" in capsys.readouterr().out
