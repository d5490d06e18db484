"""S5: whatever a results folder or a file names, nothing outside the folder is written or lost."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.errors import StorageError
from lps_sweep.files import atomic_write, is_name, open_private, sweep_folder
from lps_sweep.results import Ledger, read_sidecar, write_sidecar
from lps_sweep.results.sidecars import Sidecar
from tests.security.folders import a_trial, all_verbs, database

Attack = Callable[[Path, Path], object]
"""Given the results folder and a folder outside it that is to stay as it is."""

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def linked(name: str) -> Attack:
    """What is called `name` is a link to a folder outside with the same content."""

    def attack(results: Path, outside: Path) -> None:
        path = results / name
        target = outside / "linked"
        if path.is_dir():
            shutil.move(path, target)
        else:
            target.mkdir()
            path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)

    return attack


def file_linked(name: str) -> Attack:
    """The file `name` is a link to a file outside."""

    def attack(results: Path, outside: Path) -> None:
        (results / name).unlink(missing_ok=True)
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).symlink_to(outside / "empty")

    return attack


def statement(*statements: str) -> Attack:
    """The ledger says so; OUTSIDE is the folder outside, relative to the results."""

    def attack(results: Path, outside: Path) -> None:
        there = os.path.relpath(outside, results)
        with database(results) as ledger:
            for text in statements:
                ledger.execute(text.replace("OUTSIDE", there).replace("ABSOLUTE", str(outside)))

    return attack


def hostile_sidecar(results: Path, outside: Path) -> None:
    """A sidecar with a valid hash, of a trial whose id leads outside."""
    path = next((results / "artefacts").glob("*-1.json"))
    kept = read_sidecar(path)
    trial = os.path.relpath(outside / "x", results / "artefacts")
    rows = {t: [{**row, "trial_id": trial} for row in some] for t, some in kept.rows.items()}
    with pytest.raises(StorageError):
        write_sidecar(results, Sidecar(trial, 1, rows))
    from lps_sweep.files import sha256_bytes
    from lps_sweep.results.encoding import json_text

    body = {"format": 1, "trial_id": trial, **rows}
    text = json.dumps({**body, "sha256": sha256_bytes(json_text(body).encode())})
    (results / "artefacts" / "x-1.json").write_text(text)
    (results / "ledger.sqlite").unlink()


def hostile_manifest(results: Path, outside: Path) -> None:
    """The report's manifest names files outside, some of them old tables to be removed."""
    there = os.path.relpath(outside, results / "small")
    names = [f"{there}/empty", f"tables/../{there}/empty", str(outside / "empty"), "tables/../x"]
    content = {"digest": "x", "report_version": "x", "files": dict.fromkeys(names, EMPTY_SHA256)}
    (results / "small" / "report.json").write_text(json.dumps(content))


ATTACKS: dict[str, Attack] = {
    **{
        f"{name} is a link": linked(name)
        for name in (
            *("small", "small/tables", "small/logs", "artefacts", "checkpoints", "ray"),
            "checkpoints/trunks",
        )
    },
    **{
        f"{name} is a link": file_linked(name)
        for name in (
            *("driver.lock", "ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"),
            *("small/report.html", "small/report.json", "small/logs/ray.log"),
            "ledger.sqlite-journal",
        )
    },
    "a sweep outside": statement(
        "PRAGMA foreign_keys = OFF",
        "UPDATE sweeps SET name = 'OUTSIDE/escape'",
        "UPDATE planned SET sweep = 'OUTSIDE/escape'",
    ),
    "a sweep at an absolute place": statement("UPDATE sweeps SET name = 'ABSOLUTE/escape'"),
    "a sweep called ..": statement("UPDATE sweeps SET name = '..'"),
    "trials outside": statement(
        "PRAGMA foreign_keys = OFF",
        *(
            f"UPDATE {table} SET trial_id = 'OUTSIDE/' || trial_id"
            for table in ("trials", "planned", "attempts", "epochs", "checkpoints", "outcomes")
        ),
    ),
    "outcomes of trials outside": statement(
        "PRAGMA foreign_keys = OFF", "UPDATE outcomes SET trial_id = 'OUTSIDE/' || trial_id"
    ),
    "an artefact outside": statement("UPDATE outcomes SET artefact_path = 'OUTSIDE/empty'"),
    "an artefact outside, of its hash": statement(
        f"UPDATE outcomes SET artefact_path = 'ABSOLUTE/empty', artefact_sha256 = '{EMPTY_SHA256}'"
    ),
    "checkpoints outside": statement(
        "UPDATE checkpoints SET member_path = 'OUTSIDE/empty', run_path = 'ABSOLUTE/empty'"
    ),
    "unfinished, checkpoints outside": statement(
        "DELETE FROM outcomes",
        "UPDATE attempts SET ended = 'lost'",
        f"UPDATE checkpoints SET member_path = 'OUTSIDE/empty', member_sha256 = '{EMPTY_SHA256}'",
    ),
    "a sidecar of a trial outside": hostile_sidecar,
    "a manifest that names files outside": hostile_manifest,
}


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of all below a folder."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted([folder, *folder.rglob("*")])
    }


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_outside_is_touched(
    name: str, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside, results = tmp_path / "outside", copy / "results"
    outside.mkdir()
    (outside / "empty").write_bytes(b"")
    trial = a_trial(results)
    ATTACKS[name](results, outside)
    before, beside = everything(outside), sorted(path.name for path in tmp_path.iterdir())
    for verb in all_verbs(copy, trial):
        assert main(verb) in (0, 2, 4, 5), verb
        assert everything(outside) == before, verb
    assert sorted(path.name for path in tmp_path.iterdir()) == beside
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_refused_and_waited_for_by_nobody(kind: str, copy: Path) -> None:
    results = copy / "results"
    trial = a_trial(results)
    for path in [path for path in results.rglob("*") if path.is_file()]:
        if path.suffix == ".sqlite" and kind != "device":
            continue
        path.unlink()
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to("/dev/zero")
    for verb in all_verbs(copy, trial):
        assert main(verb) in (0, 2, 4, 5), verb


@pytest.mark.parametrize(
    "name",
    [
        *("../x", "/x", "~", "~root", "", ".", "..", "a/b", "a\\b", "C:\\x", "a\x00b", "x" * 65),
        *("a b", "-x", ".x", "ü", "a\n", "\u202ea", "%2e%2e", "a*", "a?"),
    ],
)
def test_names_are_of_the_allow_list(name: str, tmp_path: Path) -> None:
    assert not is_name(name)
    with pytest.raises(StorageError, match="no sweep can be called"):
        sweep_folder(tmp_path, name)


@pytest.mark.parametrize("key", ["data_root", "pretrained"])
@pytest.mark.parametrize(
    "value",
    ['"a\\0b"', "x" * 300, "/dev/null", "/proc/self/mem", ".", '"\\ud800"', "~no_such_user/x"],
)
def test_nothing_is_run_with_a_path_of_a_search_space_that_cannot_be(
    key: str, value: str, tmp_path: Path
) -> None:
    space = tmp_path / "space.yaml"
    preset = "cifar10" if key == "data_root" else "digits"
    network = "network: resnet18\n  " if key == "pretrained" else ""
    space.write_text(f"name: a\npreset: {preset}\nset:\n  {network}{key}: {value}\nseeds: [0]\n")
    where = [str(space), "--results", str(tmp_path / "results")]
    assert main(["run", "--inline", *where]) == 4
    assert main(["plan", *where]) == (4 if "\\" in value else 0), "a plan needs no file to be there"


def test_the_tables_of_a_ledger_are_ours_alone(copy: Path) -> None:
    """A view or a trigger in the place of a table could do what a reader does not expect."""
    results = copy / "results"
    with database(results) as ledger:
        ledger.execute("CREATE TRIGGER t AFTER INSERT ON attempts BEGIN DELETE FROM outcomes; END")
    with pytest.raises(StorageError, match="its tables are not those of a ledger"):
        Ledger.open(results)
    with database(results) as ledger:
        ledger.execute("DROP TRIGGER t")
        ledger.execute("ALTER TABLE epochs RENAME TO e")
        ledger.execute("CREATE VIEW epochs AS SELECT * FROM e")
    with pytest.raises(StorageError, match="its tables are not those of a ledger"):
        Ledger.open(results, write=True)


def test_private_files_are_not_opened_through_links(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    with pytest.raises(StorageError, match="it is a symbolic link"):
        open_private(tmp_path / "link", os.O_RDWR)
    atomic_write(tmp_path / "link", b"new")
    assert (tmp_path / "victim").read_text() == "kept"
