from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lps_sweep.errors import BadInputError, ExitCode, FolderOwnedError, StorageError
from lps_sweep.files import sha256_bytes
from lps_sweep.results import LEDGER_NAME, Ledger, load_view, sidecar_paths
from lps_sweep.sweep import claim, folder, remote
from lps_sweep.sweep.executor import Blame
from lps_sweep.sweep.folder import driver_folder, network_file_system
from lps_sweep.sweep.jobs import PackJob, Place, perform
from lps_sweep.sweep.remote import Remote
from lps_sweep.sweep.rows import PackLeft
from lps_sweep.sweep.store import (
    CLAIMS,
    STORE_NAME,
    Folder,
    Store,
    store_of,
    verify,
    write_mark,
)
from lps_sweep.train.events import SavedFile
from tests.sweep.cases import killed, planned_ids, run, space_of
from tests.sweep.fakes import FakeExecutor, pack_job
from tests.sweep.shelf import Shelf, now_and_then, refusing, slowly, works

ADDRESS = "shelf://bucket/x"


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Shelf.clear()
    (tmp_path / "disk").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "disk"))
    monkeypatch.setattr(remote, "PAUSES_S", (0.001, 0.001))
    monkeypatch.setattr(claim, "BEAT_S", 0.05)
    monkeypatch.setattr(folder, "BEAT_S", 0.05)
    monkeypatch.setattr(claim, "SILENCE_S", 3.0)
    monkeypatch.setattr(claim, "MOST_BUSY", 0)


@pytest.fixture(params=["folder", "memory", "shared"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    kinds: dict[str, Store] = {
        "folder": Folder(tmp_path / "r"),
        "memory": Remote(ADDRESS),
        "shared": Remote(str(tmp_path / "r")),
    }
    return kinds[request.param]


def saved(name: str, content: bytes) -> SavedFile:
    return SavedFile(Path(name), sha256_bytes(content))


def test_files_are_written_read_listed_and_removed(store: Store) -> None:
    assert (store.read("a/b"), store.names("a")) == (None, [])
    for name in ("a/c/d", "a/b"):
        store.write(name, b"old")
        store.write(name, name.encode())
    assert (store.read("a/b"), store.names("a")) == (b"a/b", ["a/b", "a/c/d"])
    assert store.intact(saved("a/b", b"a/b"))
    assert not store.intact(saved("a/e", b""))
    store.remove("a/b")
    store.remove("a/b")
    store.remove_folder("a/c")
    store.remove_folder("a/c")
    assert store.names("a") == []


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x"])
def test_no_name_leads_out(store: Store, name: str) -> None:
    with pytest.raises(StorageError, match="out of"):
        store.read(name)


def test_a_job_makes_files_here_and_gets_them_back(store: Store) -> None:
    with store.working() as working:
        (working / "checkpoints").mkdir(parents=True)
        (working / "checkpoints/x").write_bytes(b"state")
        made = SavedFile(working / "checkpoints/x", sha256_bytes(b"state"))
        kept = store.put(made, working)
    assert kept == saved("checkpoints/x", b"state")
    for _ in range(2):
        found = store.get(kept)
        assert found is not None
        assert found.path.read_bytes() == b"state"


def test_what_was_fetched_is_kept_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Remote(ADDRESS)
    contents = [bytes([n]) * 10 for n in range(4)]
    for n, content in enumerate(contents):
        store.write(str(n), content)
    found = store.get(saved("0", contents[0]))
    assert found is not None
    store.remove("0")
    assert store.get(saved("0", contents[0])) == found
    found.path.write_bytes(b"damaged")
    assert store.get(saved("0", contents[0])) is None
    monkeypatch.setattr(remote, "STAGED_BYTES", 25)
    monkeypatch.setattr(remote, "UNUSED_S", -1)
    for n in (1, 2, 3):
        assert store.get(saved(str(n), contents[n]))
    staged = [path for path in found.path.parent.iterdir() if path.name != found.path.name]
    assert [path.read_bytes() for path in staged if path.stat().st_size == 10] != []
    assert sum(path.stat().st_size for path in found.path.parent.iterdir()) <= 25


def test_a_lost_or_damaged_file_is_gone_for_all() -> None:
    store = Remote(ADDRESS)
    store.write("x", b"damaged")
    assert store.get(saved("x", b"whole")) is None
    assert store.get(saved("x", b"whole")) is None
    assert Shelf.names("x/x") == []


def test_a_store_is_verified_by_name(store: Store, tmp_path: Path) -> None:
    mark = write_mark(store)
    verify(store, mark)
    assert not list(tmp_path.rglob("*probe*"))
    with pytest.raises(StorageError, match="not shared"):
        verify(Remote(str(tmp_path / "other")), mark)
    Shelf.before = staticmethod(refusing)
    with pytest.raises(StorageError, match="shelf://bucket/x"):
        verify(Remote(ADDRESS))


def test_a_sweep_with_a_store_ends_as_without(tmp_path: Path) -> None:
    space = space_of(tmp_path)
    Shelf.before = staticmethod(slowly)
    outcome = run(space, tmp_path / "r", FakeExecutor(), address=ADDRESS)
    assert outcome.exit_code == ExitCode.DONE
    assert {path.name for path in (tmp_path / "r").iterdir()} >= {LEDGER_NAME, STORE_NAME}
    assert not (tmp_path / "r/checkpoints").exists()
    trials = planned_ids(space)
    assert len(Shelf.names("artefacts")) == len(sidecar_paths(tmp_path / "r")) == len(trials)
    assert Shelf.names("ledger.sqlite")
    assert run(space, tmp_path / "r", FakeExecutor()).ran == 0, "the folder knows its store"


def test_a_store_that_fails_now_and_then_costs_nothing(tmp_path: Path) -> None:
    Shelf.before = staticmethod(now_and_then())
    executor = FakeExecutor()
    assert run(space_of(tmp_path), tmp_path / "r", executor, address=ADDRESS).counts.done == 4
    assert [first for _, first in executor.started] == [0] * 4


def test_a_store_that_refuses_is_named_before_anything_is_trained(tmp_path: Path) -> None:
    Shelf.before = staticmethod(refusing)
    executor = FakeExecutor()
    with pytest.raises(StorageError, match=r"shelf://bucket/x.*403"):
        run(space_of(tmp_path), tmp_path / "r", executor, address=ADDRESS)
    assert executor.packs == []


def unplugged(at: int) -> Any:
    """The driver's process and its way to the store end at an epoch."""

    def when(_: PackJob, epoch: int) -> bool:
        if epoch == at:
            Shelf.before = staticmethod(refusing)
        return epoch == at

    return killed(when)


def test_a_driver_elsewhere_goes_on_with_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = space_of(tmp_path)
    run(space, tmp_path / "r", FakeExecutor(), limit=2, address=ADDRESS)
    monkeypatch.setattr(folder, "COPY_S", 0.02)

    def copied(job: PackJob, epoch: int) -> None:
        time.sleep(0.5)
        dies(job, epoch)

    with unplugged(at=3) as dies:
        run(space, tmp_path / "r", FakeExecutor(dies=copied))
    shutil.rmtree(tmp_path / "r")
    Shelf.before = staticmethod(works)
    executor, said = FakeExecutor(), list[str]()
    outcome = run(space, tmp_path / "other", executor, address=ADDRESS, said=said)
    assert outcome.counts.done == 4
    assert [first for _, first in executor.started] == [2, 0], "a checkpoint, and a beginning"
    assert any("shelf://bucket/x" in line and "alive" in line for line in said), said
    assert len(sidecar_paths(tmp_path / "other")) == 4


def test_ends_that_the_copy_does_not_know_are_found(tmp_path: Path) -> None:
    space = space_of(tmp_path)
    run(space, tmp_path / "r", FakeExecutor(), limit=1, address=ADDRESS)
    copy = Remote(ADDRESS).read(LEDGER_NAME)
    assert copy is not None
    run(space, tmp_path / "r", FakeExecutor(), limit=2)
    Remote(ADDRESS).write(LEDGER_NAME, copy)
    executor = FakeExecutor()
    assert run(space, tmp_path / "other", executor, address=ADDRESS).counts.done == 4
    assert len(executor.started) == 1
    with Ledger.open(tmp_path / "other") as ledger:
        ledger.verify()


def test_a_folder_that_another_went_on_after_takes_the_copy(tmp_path: Path) -> None:
    space = space_of(tmp_path)
    for name, limit in (("r", 1), ("other", 2)):
        run(space, tmp_path / name, FakeExecutor(), limit=limit, address=ADDRESS)
    executor = FakeExecutor()
    assert run(space, tmp_path / "r", executor).counts.done == 4
    assert len(executor.started) == 1
    assert list((tmp_path / "r").glob("ledger.sqlite.damaged*")), "its own is kept"


def test_a_second_driver_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    space, refused = space_of(tmp_path), list[FolderOwnedError]()
    others = list[FakeExecutor]()

    def try_elsewhere(*_: object) -> None:
        if not others:
            others.append(FakeExecutor())
            with pytest.raises(FolderOwnedError, match=r"shelf://bucket/x.*process \d+ on") as told:
                run(space, tmp_path / "other", others[0], address=ADDRESS)
            refused.append(told.value)

    assert run(space, tmp_path / "r", FakeExecutor(dies=try_elsewhere), address=ADDRESS).counts.done
    assert refused[0].exit_code == ExitCode.OWNED
    assert others[0].packs == []


def test_of_several_that_come_together_at_most_one_is_let_in() -> None:
    store, inside, refused, over = Remote(ADDRESS), list[str](), list[str](), threading.Event()

    def come(owner: str) -> None:
        try:
            one = claim.take(store, owner, lambda _: None, lambda _: None)
        except FolderOwnedError:
            refused.append(owner)
            return
        with claim.repeated(one.beat, 0.05):
            inside.append(owner)
            over.wait(30)

    Shelf.before = staticmethod(slowly)
    threads = [threading.Thread(target=come, args=(f"owner{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    while len(inside) + len(refused) < 4:
        time.sleep(0.05)
    over.set()
    for thread in threads:
        thread.join()
    assert len(inside) <= 1


def test_a_claim_that_is_just_being_written_counts() -> None:
    store = Remote(ADDRESS)
    for name, content in (("whole", b'{"number": 3}'), ("half", b'{"num'), ("begun", b"")):
        store.write(f"{CLAIMS}/{name}.json", content)
    found = claim.read_claims(store)
    assert {name.rpartition("/")[2] for name in found} == {"whole.json", "half.json", "begun.json"}
    assert max(one["number"] for one in found.values()) == 3


def test_a_driver_that_was_held_up_finds_that_another_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = space_of(tmp_path)
    for module in (claim, folder):
        monkeypatch.setattr(module, "BEAT_S", 0.2)
    monkeypatch.setattr(claim, "SILENCE_S", 0.4)  # each report finds that it was held up

    def sleep(_: PackJob, epoch: int) -> None:
        if epoch == 2:  # its beats do not go on: as if the process was stopped
            Remote(ADDRESS).write(
                f"{CLAIMS}/other.json", json.dumps({"number": 99, "ended": False}).encode()
            )

    with pytest.raises(FolderOwnedError, match="another driver has taken"):
        run(space, tmp_path / "r", FakeExecutor(dies=sleep), address=ADDRESS)


def test_a_driver_whose_beats_do_not_arrive_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "SILENCE_S", 0.5)

    def cut(_: PackJob, epoch: int) -> None:
        if epoch == 2:
            Shelf.before = staticmethod(
                lambda mode, path: refusing(mode, path) if CLAIMS in path else None
            )
            time.sleep(0.7)

    with pytest.raises(StorageError, match=rf"write {ADDRESS}/{CLAIMS}"):
        run(space_of(tmp_path), tmp_path / "r", FakeExecutor(dies=cut), address=ADDRESS)


def test_old_checkpoints_go_when_the_copy_knows_newer_ones(tmp_path: Path) -> None:
    store = Remote(ADDRESS)
    run(space_of(tmp_path), tmp_path / "r", FakeExecutor(), address=ADDRESS)
    with Ledger.open(tmp_path / "r") as ledger:
        trial = next(iter(ledger.finished()))
    for epoch in (2, 3, 4, 5):
        store.write(f"checkpoints/{trial}/epoch-{epoch:04d}-run-01234567.pt", b"")
    run(space_of(tmp_path), tmp_path / "r", FakeExecutor())
    left = [name.rpartition("/")[2] for name in store.names(f"checkpoints/{trial}")]
    assert left == ["epoch-0004-run-01234567.pt", "epoch-0005-run-01234567.pt"]


def test_a_job_whose_files_are_lost_leaves_its_pack_to_be_tried_again() -> None:
    job = pack_job(Path("x"), "a")
    spec = replace(job.spec, backbone=saved("checkpoints/trunks/x.pt", b"weights"))
    job = replace(job, spec=spec, place=Place(Remote(ADDRESS), "cpu", 1))
    *_, (left,) = perform(job)
    assert isinstance(left, PackLeft)
    assert left.attempts == {"a": 1}
    assert "damaged" in left.why


def test_where_the_driver_has_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert driver_folder(tmp_path / "r", None, "four") == (tmp_path / "r", "")
    assert driver_folder(ADDRESS, None, "four") == (Path("four"), ADDRESS)
    assert driver_folder(ADDRESS, tmp_path / "d", "four") == (tmp_path / "d", ADDRESS)
    assert driver_folder(tmp_path / "r", tmp_path / "d", "") == (
        tmp_path / "d",
        str(tmp_path / "r"),
    )
    for address in ("nothing://x", "s3://key:secret@bucket/x", "s3://bucket/x?wrong=1"):
        with pytest.raises(BadInputError):
            driver_folder(address, None, "four")
    run(space_of(tmp_path), tmp_path / "plain", FakeExecutor(), limit=1)
    with pytest.raises(BadInputError, match="--ledger"):
        driver_folder(ADDRESS, tmp_path / "plain", "four")


def test_a_shared_folder_is_no_ledgers_place(tmp_path: Path) -> None:
    space = space_of(tmp_path)
    run(space, tmp_path / "own", FakeExecutor(), limit=1, address=str(tmp_path / "shared"))
    assert store_of(tmp_path / "own").place == str(tmp_path / "shared")
    assert len(load_view(tmp_path / "shared", "four").trials) == 4, "it can be reported on"
    with pytest.raises(BadInputError, match="--ledger"):
        run(space, tmp_path / "shared", FakeExecutor())


def test_a_network_file_system_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts, said = tmp_path / "mounts", list[str]()
    mounts.write_text(f"/dev/x / ext4 rw 0 0\nhead:/x {tmp_path}/r nfs4 rw 0 0\n")
    monkeypatch.setattr(folder, "MOUNTS", mounts)
    assert network_file_system(tmp_path / "r" / "x") == "nfs4"
    assert network_file_system(tmp_path) == ""
    run(space_of(tmp_path), tmp_path / "r", FakeExecutor(), said=said)
    assert any("nfs4" in line and "--ledger" in line for line in said)


def test_a_checkpoint_that_was_lost_is_nobodys_fault(tmp_path: Path) -> None:
    space, lost = space_of(tmp_path), list[str]()

    def once(_: PackJob, epoch: int) -> Blame | None:
        if epoch == 4 and not lost:
            lost.extend(Shelf.names("-3.pt"))
            for path in lost:
                del Shelf.store[path]
            return Blame.NONE
        return None

    executor = FakeExecutor(dies=once, num_workers=1)
    assert run(space, tmp_path / "r", executor, address=ADDRESS).counts.done == 4
    assert {first for _, first in executor.started} == {0, 2}
