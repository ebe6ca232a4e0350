"""Kubernetes: a RayJob for the KubeRay operator, with the study and its script in a ConfigMap, applied by `kubectl`."""

import json
import re
import secrets
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AliasChoices, Field

from ablate.errors import StudyError
from ablate.paths import Store
from ablate.planning.resources import Node
from ablate.submit.commands import run_tool, start_tool
from ablate.submit.scripts import render_script
from ablate.submit.target import MAX_REQUEUES, Job, JobState, TargetOptions
from ablate.trial import digest

REMEDY = "check kubectl's context and the options of 'kubernetes'"
STUDIES = "/etc/ablate"  # where the ConfigMap is mounted
SCRIPT = "launch.sh"  # beside the study
ENDED = "job.ended"  # in the study's folder: the submission that must not be repeated, and its exit code
REQUEUES = AliasChoices("max_requeues", "backoff_limit")  # the second was its name in notes of earlier jobs
STOPPED = "ablate-stopped"  # annotation of a RayJob that `ablate stop` has suspended; Kueue suspends one that waits
GRACE = 120  # seconds that pods have after their hooks have begun
WORKER_DELAY = 10  # seconds after which a worker's hook expects that the head's has asked the launch to stop
RESTRICTED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
SUBMITTER = {"cpu": "500m", "memory": "1Gi"}
PROBE = {  # of Ray's agent, which asks no token for it; what older KubeRay adds needs wget, which the image lacks
    "httpGet": {"path": "/api/healthz", "port": 52365},
    "timeoutSeconds": 5,
    "periodSeconds": 5,
}
STATES = {
    "": JobState.WAITING,
    "PENDING": JobState.WAITING,
    "RUNNING": JobState.RUNNING,
    "SUCCEEDED": JobState.FINISHED,
    "FAILED": JobState.FAILED,
    "STOPPED": JobState.STOPPED,
}


class KubernetesOptions(TargetOptions):
    """The image and resources of a RayJob."""

    image: str
    volume_claim: str  # a PersistentVolumeClaim that all pods may write; it holds the store
    namespace: str = "default"
    store: str = "/ablate/store"  # in the pods; the claim is mounted at its parent
    secret: str | None = None  # a Secret whose entries become variables, as MLFLOW_TRACKING_PASSWORD
    token_secret: str | None = None  # a Secret with the key auth_token; else KubeRay makes one
    variables: Mapping[str, str] = {}  # not secret
    workers: Annotated[int, Field(ge=0)] = 1
    cpus: Annotated[int, Field(ge=1)] = 2  # of each pod
    memory: str = "8Gi"
    gpus: Annotated[int, Field(ge=0)] = 0  # of each worker
    user: Annotated[int, Field(ge=1)] = 1000  # uid and gid in the pods
    max_requeues: Annotated[int, Field(ge=0, validation_alias=REQUEUES)] = MAX_REQUEUES  # in new clusters
    ttl_seconds: Annotated[int, Field(ge=0)] = 3600  # after the end, until the cluster's pods are deleted
    ray_version: str = "2.60.0"
    queue: str | None = None  # of Kueue

    def kinds_of_nodes(self) -> tuple[Node, ...]:
        head, worker = Node("the head pod", self.cpus, 0), Node("a worker pod", self.cpus, self.gpus)
        return (head, worker) if self.workers else (head,)

    def packed(self) -> Self:
        return self.model_copy(update={"workers": 0})

    def lacks_server(self) -> bool:
        """The entries of a Secret, which may name the server, are not known here."""
        return self.workers > 0 and not (self.secret or "MLFLOW_TRACKING_URI" in self.variables)


class KubernetesTarget:
    """Submits with `kubectl apply`.

    KubeRay repeats a job in a new cluster after every failure, up to `max_requeues` times, and tells no exit codes
    apart.  So the script that it runs notes in the store how a launch has ended that would only fail again, as after a
    wrong study or a failed trial, and ends at once where it is repeated (`kubernetes.sh.jinja`).  What is repeated is
    the loss of the head, exit code 75 (a service is away), and a launch that was stopped or killed.  Where the store
    cannot be written, every attempt fails anew.
    """

    Options: ClassVar[type[TargetOptions]] = KubernetesOptions

    def __init__(self, options: KubernetesOptions) -> None:
        self.options = options

    def render(self, job: Job) -> str:
        return to_yaml(self.manifests(job))

    def submit(self, job: Job) -> str:
        """Send it in place of an earlier one of the study, which must have ended: another store may have sent that."""
        name = job_name(job.name)
        if (state := self.state(name)).active:
            problem = f"the RayJob '{name}' is {state.value}, submitted from another store"
            remedy = f"stop it from there, or delete it: {' '.join(self.kubectl)} delete rayjob {name}"
            raise StudyError(problem, remedy, f"namespace {self.options.namespace}")
        run_tool([*self.kubectl, "delete", "rayjob", name, "--ignore-not-found"], REMEDY)
        run_tool([*self.kubectl, "apply", "-f", "-"], REMEDY, self.render(job))
        return name

    def state(self, job_id: str) -> JobState:
        fields = ("status.jobStatus", "status.jobDeploymentStatus", f"metadata.annotations.{STOPPED}")
        found = self.fields(job_id, *fields)
        if found is None:
            return JobState.UNKNOWN
        job_status, deployment, stopped = found
        if deployment in ("Suspended", "Suspending"):
            return JobState.STOPPED if stopped else JobState.WAITING
        if deployment in ("Failed", "ValidationFailed"):
            return JobState.FAILED
        if deployment == "Retrying":  # in a new cluster
            return JobState.WAITING
        return STATES.get(job_status, JobState.UNKNOWN)

    def exit_code(self, job_id: str) -> None:
        """KubeRay does not tell it; what the job printed ends with it."""

    def fields(self, job_id: str, *paths: str) -> list[str] | None:
        """Fields of the RayJob, empty where it lacks them; None where there is no such RayJob."""
        path = "jsonpath=" + "|".join(f"{{.{one}}}" for one in paths)
        found = run_tool([*self.kubectl, "get", "rayjob", job_id, "--ignore-not-found", "-o", path], REMEDY)
        return found.split("|") if found else None

    def logs(self, job_id: str, folder: Path, follow: bool) -> Iterator[str]:
        arguments = [*self.kubectl, "logs", f"job/{job_id}", *(["--follow"] if follow else [])]
        if not follow:
            yield run_tool(arguments, REMEDY)
            return
        with start_tool(arguments) as process:
            assert process.stdout is not None
            yield from process.stdout

    def stop(self, job_id: str, folder: Path) -> None:
        """Suspend the RayJob: KubeRay deletes its pods, whose hooks make the launch write checkpoints and end.

        A job of Kueue is suspended by deactivating its workload: Kueue itself would begin a suspended one again.
        """
        stopped: dict[str, Any] = {"metadata": {"annotations": {STOPPED: "true"}}}
        if not self.options.queue:
            self.patch(f"rayjob/{job_id}", {**stopped, "spec": {"suspend": True}})
            return
        self.patch(f"rayjob/{job_id}", stopped)
        (uid,) = self.fields(job_id, "metadata.uid") or [""]
        selected = ["--selector", f"kueue.x-k8s.io/job-uid={uid}", "-o", "name"]
        for workload in run_tool([*self.kubectl, "get", "workloads.kueue.x-k8s.io", *selected], REMEDY).split():
            self.patch(workload, {"spec": {"active": False}})

    def patch(self, thing: str, change: Mapping[str, Any]) -> None:
        run_tool([*self.kubectl, "patch", thing, "--type", "merge", "-p", json.dumps(change)], REMEDY)

    @property
    def kubectl(self) -> list[str]:
        return ["kubectl", "--namespace", self.options.namespace]

    def manifests(self, job: Job) -> list[dict[str, Any]]:
        """The ConfigMap with the study and the script that runs it, and the RayJob."""
        name = job_name(job.name)
        labels = {"app.kubernetes.io/name": "ablate", "app.kubernetes.io/instance": name}
        queue: dict[str, str] = {"kueue.x-k8s.io/queue-name": self.options.queue} if self.options.queue else {}
        meta = {"name": name, "namespace": self.options.namespace, "labels": {**labels, **queue}}
        token = {"secretName": self.options.token_secret} if self.options.token_secret else {}
        authentication = {"mode": "token", **token}
        workers: dict[str, Any] = {
            "groupName": "workers",
            "replicas": self.options.workers,
            "minReplicas": self.options.workers,
            "maxReplicas": self.options.workers,
            "rayStartParams": {},
            "template": {"spec": self.pod(job, "ray-worker", self.options.gpus)},
        }
        head = {
            "rayStartParams": {"dashboard-host": "0.0.0.0"},
            "template": {"spec": self.pod(job, "ray-head", 0)},
        }
        spec = {
            "entrypoint": f"sh {STUDIES}/{SCRIPT}",  # plain words: a shell of KubeRay reads them, then one of Ray
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": self.options.ttl_seconds,
            "backoffLimit": self.options.max_requeues,
            "submitterPodTemplate": {"spec": self.submitter()},
            "suspend": bool(self.options.queue),  # Kueue begins it
            "rayClusterSpec": {
                "rayVersion": self.options.ray_version,
                "authOptions": authentication,
                "headGroupSpec": head,
                **({"workerGroupSpecs": [workers]} if self.options.workers else {}),
            },
        }
        files = {f"{job.name}.yaml": job.study, SCRIPT: self.script(job)}
        study = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": files}
        return [study, {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": meta, "spec": spec}]

    def script(self, job: Job) -> str:
        """What the head runs, as one submission."""
        store = Path(self.options.store)
        values = {"study": f"{STUDIES}/{job.name}.yaml", "store": store, "folder": Store(store).study(job.name).folder}
        return render_script("kubernetes.sh.jinja", job=job, submission=secrets.token_hex(8), ended=ENDED, **values)

    def pod(self, job: Job, role: str, gpus: int) -> dict[str, Any]:
        resources = {"cpu": str(self.options.cpus), "memory": self.options.memory}
        limits: dict[str, str] = {**resources, **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
        sources = [{"secretRef": {"name": self.options.secret}}] if self.options.secret else []
        variables = [{"name": key, "value": value} for key, value in self.options.variables.items()]
        container = {
            "name": role,
            "image": self.options.image,
            "resources": {"requests": limits, "limits": limits},
            "env": variables,
            "envFrom": sources,
            "lifecycle": {"preStop": {"exec": {"command": ["bash", "-c", self.before_end(job, role)]}}},
            "readinessProbe": {**PROBE, "initialDelaySeconds": 10, "failureThreshold": 10},
            "livenessProbe": {**PROBE, "initialDelaySeconds": 30, "failureThreshold": 120},
            "securityContext": RESTRICTED,
            "volumeMounts": [
                {"name": "store", "mountPath": str(Path(self.options.store).parent)},
                {"name": "study", "mountPath": STUDIES, "readOnly": True},
                {"name": "memory", "mountPath": "/dev/shm"},
            ],
        }
        return {
            "securityContext": self.pod_security(),
            "terminationGracePeriodSeconds": GRACE,
            "containers": [container],
            "volumes": [
                {"name": "store", "persistentVolumeClaim": {"claimName": self.options.volume_claim}},
                {"name": "study", "configMap": {"name": job_name(job.name)}},
                {"name": "memory", "emptyDir": {"medium": "Memory"}},
            ],
        }

    def submitter(self) -> dict[str, Any]:
        """The pod that sends the entrypoint to the cluster and prints what it prints; KubeRay adds its command."""
        container = {
            "name": "ray-job-submitter",
            "image": self.options.image,
            "resources": {"requests": SUBMITTER, "limits": SUBMITTER},
            "securityContext": RESTRICTED,
        }
        return {"securityContext": self.pod_security(), "restartPolicy": "Never", "containers": [container]}

    def pod_security(self) -> dict[str, Any]:
        """With `RESTRICTED`, what namespaces ask for that enforce the Pod Security Standard `restricted`."""
        user = self.options.user
        ids = {"runAsUser": user, "runAsGroup": user, "fsGroup": user}
        return {"runAsNonRoot": True, **ids, "seccompProfile": {"type": "RuntimeDefault"}}

    def before_end(self, job: Job, role: str) -> str:
        """What a pod runs before it ends: the head's asks the launch to stop, and both wait until it has.

        KubeRay does not stop the launch, and Kubernetes ends all pods at once; each sees the request in the store.
        """
        store = Path(self.options.store)
        request = shlex.quote(str(Store(store).study(job.name).stop))
        ask = f"ablate stop {shlex.quote(job.name)} --launch --storage {shlex.quote(str(store))}"
        first = ask if role == "ray-head" else f"sleep {WORKER_DELAY}"
        return f"{first} && while [ -e {request} ]; do sleep 1; done"


def to_yaml(documents: list[dict[str, Any]]) -> str:
    """The documents, with texts of several lines as blocks that can be read."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def represent_text(self, text: str) -> yaml.Node:
            return self.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, Dumper.represent_text)
    return str(yaml.dump_all(documents, Dumper=Dumper, sort_keys=False))


def job_name(study: str) -> str:
    """A name that Kubernetes takes: lower case, at most 47 characters; what is lost is replaced by a digest."""
    name = re.sub(r"[^a-z0-9-]+", "-", f"ablate-{study}".lower()).strip("-")
    return name if name == f"ablate-{study}" and len(name) <= 47 else f"{name[:38].rstrip('-')}-{digest(study, 8)}"
