"""`cluster check`: the shipped files, and each thing that it has to find."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lps_sweep.cli import main
from lps_sweep.cluster.findings import programs

pytest.importorskip("ray")

ROOT = Path(__file__).parents[2]
LAUNCHER = ("cluster.yaml", "cluster/aws.yaml", "cluster/gcp.yaml")
FILES = (*LAUNCHER, "cluster/kuberay.yaml", "cluster/slurm.sh")
PINNED = {"ray": "2.60.0", "lps-sweep": "0.1.0"}


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user with a token and a key, and the versions that the files name."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (".ray/auth_token", ".ssh/id_ed25519"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("secret")
    monkeypatch.setattr("lps_sweep.cluster.findings.metadata.version", PINNED.__getitem__)


def filled_in(name: str) -> str:
    """A shipped file as a user leaves it: nothing is marked any more."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r"\s+# CHANGE.*", "", text).replace("YOUR-", "our-")


def checked(
    text: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, list[tuple[int, str]]]:
    """The exit code, and the line and text of each finding."""
    file.write_text(text, encoding="utf-8")
    code = main(["cluster", "check", str(file)])
    lines = capsys.readouterr().out.splitlines()
    found = [re.fullmatch(rf"{re.escape(str(file))}:(\d+): (.*)", line) for line in lines]
    return code, [(int(match[1]), match[2]) for match in found if match]


@pytest.mark.parametrize("name", FILES)
def test_each_shipped_file_lacks_what_is_marked_and_nothing_else(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    marked = [i for i, line in enumerate(text.splitlines(), 1) if " # CHANGE" in line]
    code, found = checked(text, tmp_path / "file", capsys)
    assert code == 4
    assert [line for line, _ in found] == marked
    assert len(marked) >= 1
    assert checked(filled_in(name), tmp_path / "file", capsys) == (0, [])


@pytest.mark.parametrize("name", FILES)
def test_no_value_that_must_be_changed_stands_on_a_line_without_the_mark(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    values = [line for line in lines if not re.match(r"#(?!SBATCH)", line)]
    assert [line for line in values if "YOUR-" in line and " # CHANGE" not in line] == []


WRONG = [
    # file, what is replaced, by what, what the line of the finding has in it, what it says
    ("cluster.yaml", "cluster_name: lps-sweep", "cluster_nam: x", "cluster_nam", "cluster_nam"),
    ("cluster.yaml", "  head_ip: 192.0.2.10", "", "cluster_name", "head_ip"),
    ("cluster.yaml", "[192.0.2.11, 192.0.2.12]", "5", "cluster_name", ""),
    ("cluster/aws.yaml", "head_node_type: head", "head_node_type: haed", "", "head_node_type"),
    ("cluster/aws.yaml", "resources: {CPU: 0}", "resources: {CPU: few}", "CPU", "integer"),
    ("cluster.yaml", "PATH=/shared/lps_sweep/.venv/bin:$PATH", "X=1", ">-", "PATH"),
    ("cluster.yaml", "RAY_AUTH_MODE=token RAY_enable", "RAY_enable", ">-", "RAY_AUTH_MODE=token"),
    ("cluster.yaml", "  ~/.ray/auth_token: ~/.ray/auth_token", "", "file_mounts", "auth_token"),
    ("cluster.yaml", ": ~/.ray/auth_token", ": ~/.ray/other", "other", "get-auth-token"),
    ("cluster.yaml", "chmod 600", "chmod 644", "auth_token: ", "chmod 600"),
    ("cluster.yaml", "--dashboard-host=127.0.0.1", "--dashboard-host 0.0.0.0", ">-", "0.0.0.0"),
    ("cluster.yaml", "--autoscaling-config=~/ray_bootstrap_config.yaml", "", ">-", "autoscaling"),
    ("cluster.yaml", "  ssh_private_key: ~/.ssh/id_ed25519", "", "auth", "ssh_private_key"),
    ("cluster.yaml", "/id_ed25519", "/id_rsa", "id_rsa", "id_rsa"),
    ("cluster/aws.yaml", "ray[default,tune]==2.60.0", "ray[tune]==2.59.0", "2.59.0", "2.60.0"),
    ("cluster/gcp.yaml", "~/lps_sweep[cluster]", "lps-sweep==0.0.9", "0.0.9", "0.1.0"),
    ("cluster/aws.yaml", "  cache_stopped_nodes: false", "  security_group: {IpPermissions: "
     "[{FromPort: 8265, ToPort: 8265, IpRanges: [{CidrIp: 0.0.0.0/0}]}]}", "8265", "internet"),
    ("cluster/kuberay.yaml", "rayVersion: 2.60.0", "rayVersion: 2.59.0", "2.59.0", "2.60.0"),
    ("cluster/kuberay.yaml", "{mode: token}", "{mode: disabled}", "disabled", "mode: token"),
    ("cluster/kuberay.yaml", 'num-cpus: "0"', "num-cpus: 0", "num-cpus", "quotes"),
    ("cluster/kuberay.yaml", "maxReplicas: 8", "maxReplica: 8", "maxReplica", "maxReplicas"),
    ("cluster/kuberay.yaml", "minReplicas: 0", "minReplicas: 9", "groupName", "minReplicas"),
    ("cluster/kuberay.yaml", "enableInTreeAutoscaling: true", "suspend: false", "gpu", "grow"),
    ("cluster/kuberay.yaml", "    rayStartParams: {num", "    serviceType: NodePort\n"
     "    rayStartParams: {num", "NodePort", "ClusterIP"),
    ("cluster/kuberay.yaml", "image: our-REGISTRY/lps_sweep:0.1.0", "image: rayproject/ray:2.9.0",
     "rayproject", "2.60.0"),
    ("cluster/kuberay.yaml", "kind: RayCluster", "kind: RayService", "", "RayJob"),
    ("cluster/slurm.sh", "#SBATCH --exclusive\n", "", "#SBATCH", "--exclusive"),
    ("cluster/slurm.sh", "#SBATCH --requeue\n", "", "#SBATCH", "--requeue"),
    ("cluster/slurm.sh", "--ntasks-per-node=1", "--ntasks-per-node=2", "#SBATCH", "once a node"),
    ("cluster/slurm.sh", "ray symmetric-run", "ray start", "#SBATCH", "symmetric-run"),
    ("cluster/slurm.sh", " RAY_AUTH_MODE=token", "", "#SBATCH", "RAY_AUTH_MODE=token"),
    ("cluster/slurm.sh", "--min-nodes", "--nodes", "#SBATCH", "--min-nodes"),
    ("cluster/slurm.sh", "_TIMEOUT=600", "=600", "#SBATCH", "TIMEOUT"),
    ("cluster/slurm.sh", "export PATH=", "export OTHER=", "#SBATCH", "PATH"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "right", "wrong", "line", "said"), WRONG)
def test_what_is_wrong_is_named_with_its_line(
    name: str,
    right: str,
    wrong: str,
    line: str,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = filled_in(name)
    assert right in text
    text = text.replace(right, wrong)
    code, found = checked(text, tmp_path / "file", capsys)
    assert code == 4
    lines = text.splitlines()
    assert [text for number, text in found if said in text and line in lines[number - 1]]


def test_ray_s_own_commands_are_not_good_enough(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What Ray takes where a file names none: no token, and on AWS an open dashboard."""
    text = filled_in("cluster/aws.yaml").partition("# Ray's own commands")[0]
    _, found = checked(text, tmp_path / "file", capsys)
    assert [said for _, said in found if "0.0.0.0" in said]
    assert len([said for _, said in found if "RAY_AUTH_MODE=token" in said]) == 1


def test_full_paths_alone_do_not_stop_a_local_cluster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = re.sub(r"\n  - line=.*", "", filled_in("cluster.yaml"))
    text = re.sub(r"(- |[ =]\d? ?)ray (stop|start)", r"\1/opt/bin/ray \2", text)
    _, found = checked(text, tmp_path / "file", capsys)
    assert [said for _, said in found if "`ray down`" in said]


def test_what_is_no_launch_file_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked("name: smoke\n", tmp_path / "file", capsys) == (4, [])


def test_programs_of_a_command_with_what_is_set_for_them() -> None:
    found = list(programs("export A=1; B='2 3' /x/ray start --head && (C=4 ray stop | tail) &"))
    assert [one.words[0] for one in found] == ["/x/ray", "ray", "tail"]
    assert found[0].variables == {"A": "1", "B": "2 3"}
    assert found[1].variables == {"A": "1", "C": "4"}
    assert found[0].runs("ray", "start")
    assert not found[0].runs("ray", "stop")
