"""What is sent to each target, and the options that targets take."""

import copy
import gzip
import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ablate.errors import StudyError
from ablate.paths import Store
from ablate.study.read import read_study
from ablate.submit.kubernetes import KubernetesOptions, job_name
from ablate.submit.options import read_options
from ablate.submit.slurm import SlurmOptions
from ablate.submit.submission import make_job

CRD = Path(__file__).parent / "rayjobs-crd.yaml.gz"  # of the KubeRay project, Apache-2.0
STUDY = """\
question: 'Is it "quoted"; $HOME?'
method: pca
dataset: digits
seeds: 1
probes: [knn]
metric: knn/accuracy
"""
KUBERNETES = {"image": "lab/ablate:1", "volume_claim": "data", "secret": "mlflow"}


def rendered(tmp_path: Path, target: str, options: dict[str, Any], more: str = "", *, pack: bool = False) -> str:
    (tmp_path / "one.yaml").write_text(STUDY + more)
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump({target: options}))
    study = read_study(tmp_path / "one.yaml")
    made, job = make_job(study, Store(tmp_path / "a store"), target, tmp_path / "lab.yaml", pack=pack)
    return made.render(job)


def strict(schema: Any) -> Any:
    """The schema without unknown fields, as the API server's strict validation has it."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if made.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    closed = made.get("type") == "object" and made.get("properties") and "additionalProperties" not in made
    if closed and not made.get("x-kubernetes-preserve-unknown-fields"):
        made["additionalProperties"] = False
    return made


@pytest.fixture(scope="module")
def rayjob() -> jsonschema.Draft202012Validator:
    crd = yaml.load(gzip.decompress(CRD.read_bytes()), yaml.CSafeLoader)
    (version,) = (one for one in crd["spec"]["versions"] if one["name"] == "v1")
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    "options",
    [
        {"variables": {"MLFLOW_TRACKING_URI": "https://mlflow.lab"}},
        {"workers": 0},
        {"gpus": 2, "secret": "mlflow", "token_secret": "ray", "queue": "lab", "variables": {"A": "b"}},
    ],
)
def test_the_manifest_for_kubernetes_is_valid(
    tmp_path: Path, rayjob: jsonschema.Draft202012Validator, options: dict[str, Any]
) -> None:
    given = {"image": "lab/ablate:1", "volume_claim": "data", **options}
    study, job = yaml.safe_load_all(rendered(tmp_path, "kubernetes", given))
    assert [error.message for error in rayjob.iter_errors(job)] == []
    sent = study["data"]["one.yaml"]
    (tmp_path / "sent.yaml").write_text(sent)
    assert read_study(tmp_path / "sent.yaml").question == read_study(tmp_path / "one.yaml").question
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster.get("workerGroupSpecs", [])]
    assert cluster["authOptions"]["mode"] == "token"
    (container,) = groups[0]["template"]["spec"]["containers"]
    hook = container["lifecycle"]["preStop"]["exec"]["command"]
    assert hook[2].startswith("ablate stop one --launch --storage /ablate/store && while ")
    assert subprocess.run([*hook[:1], "-n", *hook[1:]], capture_output=True, text=True).stderr == ""
    submitter = job["spec"]["submitterPodTemplate"]["spec"]
    for pod in (submitter, *(one["template"]["spec"] for one in groups)):
        assert_restricted(pod)
    for pod in (one["template"]["spec"] for one in groups):
        for probe in ("readinessProbe", "livenessProbe"):  # else KubeRay adds some that need wget
            assert pod["containers"][0][probe]["httpGet"] == {"path": "/api/healthz", "port": 52365}
    assert submitter["containers"][0]["image"] == "lab/ablate:1"
    assert job["spec"]["backoffLimit"] == KubernetesOptions(**given).max_requeues == SlurmOptions().max_requeues
    assert job["spec"]["entrypoint"] == "sh /etc/ablate/launch.sh"
    assert subprocess.run(["sh", "-n"], input=study["data"]["launch.sh"], text=True, capture_output=True).stderr == ""
    broken = copy.deepcopy(job)
    broken["spec"]["entrypont"] = "x"
    assert list(rayjob.iter_errors(broken))  # the check is strict


def assert_restricted(pod: dict[str, Any]) -> None:
    """What the Pod Security Standard `restricted` asks of a pod (Kubernetes 1.36), and limits of its resources."""
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert {kind for volume in pod.get("volumes", []) for kind in volume} <= {
        *{"name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"},
        *{"persistentVolumeClaim", "projected", "secret"},
    }
    for container in pod["containers"]:
        security = container["securityContext"]
        assert security == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
        assert "hostPort" not in str(container)


def test_each_submission_to_kubernetes_has_an_id_and_the_limit_of_repetitions_may_have_its_former_name(
    tmp_path: Path,
) -> None:
    first, second = (rendered(tmp_path, "kubernetes", {**KUBERNETES, "backoff_limit": 3}) for _ in range(2))
    differing = [pair for pair in zip(first.splitlines(), second.splitlines(), strict=True) if pair[0] != pair[1]]
    assert [one.strip()[:11] for pair in differing for one in pair] == ["submission="] * 2
    assert "backoffLimit: 3\n" in first


def test_names_for_kubernetes_are_valid_and_distinct() -> None:
    names = [job_name(name) for name in ("epsilon", "Epsilon", "a_b", "a-b", "a.b", "x" * 80)]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 47 and name == name.lower() and "_" not in name for name in names)


@pytest.mark.parametrize("nodes", [1, 3])
def test_the_script_for_slurm_is_valid_bash_and_holds_no_secret(tmp_path: Path, nodes: int) -> None:
    secrets = tmp_path / "secret.env"
    secrets.write_text("MLFLOW_TRACKING_PASSWORD=hunter2\n")
    options = {
        "partition": "gpu",
        "nodes": nodes,
        "gpus": 1,
        "memory": "8G",
        "environment": "/home/me/my venv",
        "setup": ["module load cuda"],
        "secrets": str(secrets),
        "variables": {"A": "it's", "MLFLOW_TRACKING_URI": "https://mlflow.lab"},
        "extra": ["--constraint=a100"],
    }
    script = rendered(tmp_path, "slurm", options)
    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr == ""
    assert "hunter2" not in script
    for line in ("--partition=gpu", f"--nodes={nodes}", "--gpus-per-node=1", "--mem=8G", "--constraint=a100"):
        assert f"#SBATCH {line}\n" in script
    assert ". '/home/me/my venv/bin/activate'" in script
    assert ("ray start" in script) == (nodes > 1)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("slurm", {"cpus": 4}, "a pack needs 8 CPUs and 1 GPUs, .*: the largest, a node of the options, has 4 and 0"),
        ("slurm", {"cpus": 4, "gpus": 1, "extra": ["--constraint=a100"]}, "a node of the options, has 4 and 1"),
        ("kubernetes", {"cpus": 4, "gpus": 2}, "the largest, a worker pod, has 4 and 2"),
        ("kubernetes", {"cpus": 8, "gpus": 1, "workers": 0}, "the largest, the head pod, has 8 and 0"),
    ],
)
def test_a_trial_that_needs_more_than_any_node_of_the_options_is_refused(
    tmp_path: Path, target: str, options: dict[str, Any], message: str
) -> None:
    needed = "resources: {gpu: 1, cpu: 8}\n"
    with pytest.raises(StudyError, match=message):
        rendered(tmp_path, target, {**KUBERNETES, **options} if target == "kubernetes" else options, needed)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("slurm", {"cpus": 8, "gpus": 1}),
        ("slurm", {"cpus": 2, "extra": ["--gres=gpu:1", "--exclusive"]}),  # which may give more
        ("kubernetes", {"cpus": 8, "gpus": 1}),
        ("ray", {"store": "/shared"}),  # whose nodes are not known here
    ],
)
def test_a_trial_that_some_node_has_room_for_is_accepted(tmp_path: Path, target: str, options: dict[str, Any]) -> None:
    given = {**KUBERNETES, **options} if target == "kubernetes" else options
    assert rendered(tmp_path, target, given, "resources: {gpu: 1, cpu: 8}\n")


@pytest.mark.parametrize(
    ("target", "options", "accepted"),
    [
        ("slurm", {"nodes": 2}, False),
        ("slurm", {"nodes": 2, "setup": ["module load cuda"]}, False),
        ("slurm", {"nodes": 1}, True),
        ("slurm", {"nodes": 2, "variables": {"MLFLOW_TRACKING_URI": "https://mlflow.lab"}}, True),
        ("slurm", {"nodes": 2, "setup": ["export MLFLOW_TRACKING_URI=https://mlflow.lab"]}, True),
        ("slurm", {"nodes": 2, "setup": [". /home/me/lab.env"]}, True),
        ("slurm", {"nodes": 2, "secrets": "secret.env"}, True),
        ("kubernetes", {"secret": None}, False),
        ("kubernetes", {"secret": None, "workers": 0}, True),
        ("kubernetes", {"secret": None, "variables": {"MLFLOW_TRACKING_URI": "https://mlflow.lab"}}, True),
        ("kubernetes", {"secret": "mlflow"}, True),
    ],
)
def test_a_job_of_several_nodes_needs_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, options: dict[str, Any], accepted: bool
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.env").write_text("A=b\nMLFLOW_TRACKING_URI=https://mlflow.lab\n")
    given = {**KUBERNETES, **options} if target == "kubernetes" else options
    if accepted:
        assert rendered(tmp_path, target, given)
        return
    problem = f"options of '{target}': a job of several nodes needs an MLflow server that all of them reach"
    with pytest.raises(StudyError, match=problem):
        rendered(tmp_path, target, given)


def test_a_packed_job_has_one_node(tmp_path: Path) -> None:
    assert "#SBATCH --nodes=1\n" in rendered(tmp_path, "slurm", {"nodes": 3}, pack=True)
    _, job = yaml.safe_load_all(rendered(tmp_path, "kubernetes", {**KUBERNETES, "workers": 3}, pack=True))
    assert "workerGroupSpecs" not in job["spec"]["rayClusterSpec"]
    with pytest.raises(StudyError, match="--pack: this target has no jobs of one node; leave out --pack"):
        rendered(tmp_path, "ray", {"store": "/shared"}, pack=True)


def test_the_manifest_for_kubernetes_holds_what_the_options_name(tmp_path: Path) -> None:
    options = {"gpus": 2, "cpus": 3, "ttl_seconds": 60, "token_secret": "ray", "queue": "lab", "store": "/data/store"}
    _, job = yaml.safe_load_all(rendered(tmp_path, "kubernetes", {**KUBERNETES, **options}))
    cluster = job["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    head, worker = cluster["headGroupSpec"]["template"]["spec"], group["template"]["spec"]
    wanted = {"cpu": "3", "memory": "8Gi"}
    assert head["containers"][0]["resources"] == {"requests": wanted, "limits": wanted}
    wanted = {**wanted, "nvidia.com/gpu": "2"}
    assert worker["containers"][0]["resources"] == {"requests": wanted, "limits": wanted}
    for pod in (head, worker):
        assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "mlflow"}}]
        assert {"name": "store", "mountPath": "/data"} in pod["containers"][0]["volumeMounts"]
        assert {"name": "store", "persistentVolumeClaim": {"claimName": "data"}} in pod["volumes"]
    assert job["spec"]["ttlSecondsAfterFinished"] == 60
    assert cluster["authOptions"]["secretName"] == "ray"
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "lab"
    assert job["spec"]["suspend"] is True


def test_the_request_to_ray_names_the_study_and_the_store(tmp_path: Path) -> None:
    request, study = yaml.safe_load_all(rendered(tmp_path, "ray", {"store": "/shared/a store"}))
    assert request["entrypoint"] == "exec ablate launch one.yaml --storage '/shared/a store'"
    assert study["name"] == "one"


@pytest.mark.parametrize(("mode", "code"), [(0o600, 0), (0o640, 2), (0o604, 2)])
def test_a_job_of_ray_reads_its_secrets_where_only_their_owner_may(tmp_path: Path, mode: int, code: int) -> None:
    secrets, program = tmp_path / "the secrets.env", tmp_path / "ablate"
    secrets.write_text("MLFLOW_TRACKING_PASSWORD=hunter2\n")
    secrets.chmod(mode)
    program.write_text('#!/bin/sh\necho "$MLFLOW_TRACKING_PASSWORD" "$@"\n')
    program.chmod(0o755)
    request, _ = yaml.safe_load_all(rendered(tmp_path, "ray", {"store": "/shared", "secrets": str(secrets)}))
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = ["sh", "-c", request["entrypoint"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout == ("hunter2 launch one.yaml --storage /shared\n" if code == 0 else "")
    assert ("others may read this file of secrets; run: chmod 600 " in done.stderr) == (code != 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("slurm: {partiton: a}", ":1:9: unknown option 'partiton'; did you mean 'partition'?"),
        ("slurm:\n  nodes: 0", ":2:10: 'nodes': input should be greater than or equal to 1"),
        ("slurm:\n  nodes: two", ":2:10: 'nodes': input should be a valid integer"),
        ("slurm: [1]", ":1:8: 'slurm' must be a mapping of options"),
        ("slurm: {", ":1:9: not YAML"),
        ("[1]", "a section for each target is expected"),
        ("slurm:\n  variables: {MLFLOW_TRACKING_PASSWORD: a}", ":2:15: the variable 'MLFLOW_TRACKING_PASSWORD' holds"),
        ("slurm: {variables: {A: 'http://me:secret@host'}}", "the variable 'A' holds a secret"),
        ("slurm: {setup: [a, export MLFLOW_TRACKING_PASSWORD=b]}", ":1:20: the variable 'MLFLOW_TRACKING_PASSWORD' h"),
        ("slurm: {setup: ['HF_TOKEN=\"b c\" a']}", ":1:17: the variable 'HF_TOKEN' holds a secret"),
        ("slurm: {setup: ['export A=http://me:secret@host']}", "the variable 'A' holds a secret"),
        ("slurm: {extra: ['--export=ALL,AWS_SECRET_ACCESS_KEY=b']}", "'AWS_SECRET_ACCESS_KEY' holds a secret"),
        ("slurm: {extra: ['--export=HF_TOKEN=b']}", "the variable 'HF_TOKEN' holds a secret"),
    ],
)
def test_a_mistake_in_the_options_is_refused(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(content)
    with pytest.raises(StudyError) as refused:
        read_options("slurm", SlurmOptions, file)
    assert message in str(refused.value)
    assert str(refused.value).startswith(str(file))


def test_lines_of_the_options_may_name_where_a_secret_is(tmp_path: Path) -> None:
    lines = ("export HF_TOKEN=$(cat ~/token)", 'export HF_TOKEN="$OTHER"', "export RAY_AUTH_TOKEN_PATH=/t", "HF_TOKEN=")
    (tmp_path / "lab.yaml").write_text(yaml.safe_dump({"slurm": {"setup": list(lines)}}))
    assert read_options("slurm", SlurmOptions, tmp_path / "lab.yaml").setup == lines


def test_an_option_that_is_missing_and_an_unknown_target_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="the option 'store' is missing; add it to the options of 'ray'"):
        rendered(tmp_path, "ray", {})
    with pytest.raises(StudyError, match="no target is called 'slrum'; did you mean 'slurm'"):
        rendered(tmp_path, "slrum", {})


def test_options_are_read_from_pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.ablate.submit.slurm]\npartition = "gpu"\nsetup = ["a", "b"]\n')
    monkeypatch.chdir(tmp_path)
    options = read_options("slurm", SlurmOptions, None)
    assert (options.partition, options.setup) == ("gpu", ("a", "b"))
    (tmp_path / "pyproject.toml").write_text('[tool.ablate.submit.slurm]\nvariables = {HF_TOKEN = "a"}\n')
    with pytest.raises(StudyError, match=r"tool\.ablate\.submit\.slurm.*: the variable 'HF_TOKEN' holds a secret"):
        read_options("slurm", SlurmOptions, None)
    (tmp_path / "pyproject.toml").write_text('[tool.ablate.submit.slurm]\nvariables = {HF_TOKEN_PATH = "a"}\n')
    assert read_options("slurm", SlurmOptions, None).variables == {"HF_TOKEN_PATH": "a"}
