"""Kubernetes: a RayJob for the KubeRay operator, with the study in a ConfigMap, applied by `kubectl`."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ablate.errors import StudyError
from ablate.paths import Store
from ablate.planning.resources import Node
from ablate.submit.commands import run_tool, start_tool
from ablate.submit.target import Job, JobState, TargetOptions
from ablate.trial import digest

REMEDY = "check kubectl's context and the options of 'kubernetes'"
STUDIES = "/etc/ablate"  # where the ConfigMap is mounted
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
    backoff_limit: Annotated[int, Field(ge=0)] = 0  # new clusters after a failure of any kind
    ttl_seconds: Annotated[int, Field(ge=0)] = 3600  # after the end, until the cluster's pods are deleted
    ray_version: str = "2.60.0"
    queue: str | None = None  # of Kueue

    def kinds_of_nodes(self) -> tuple[Node, ...]:
        head, worker = Node("the head pod", self.cpus, 0), Node("a worker pod", self.cpus, self.gpus)
        return (head, worker) if self.workers else (head,)

    def lacks_server(self) -> bool:
        """The entries of a Secret, which may name the server, are not known here."""
        return self.workers > 0 and not (self.secret or "MLFLOW_TRACKING_URI" in self.variables)


class KubernetesTarget:
    """Submits with `kubectl apply`.

    KubeRay repeats a job with a new cluster after every failure, up to `backoff_limit` times, and tells no exit codes
    apart: a failed trial or a wrong study would cost as many clusters as the loss of a head.  So by default
    nothing is repeated.  A launch itself goes on after the loss of a worker, and waits for its services.
    """

    Options: ClassVar[type[TargetOptions]] = KubernetesOptions

    def __init__(self, options: KubernetesOptions) -> None:
        self.options = options

    def render(self, job: Job) -> str:
        import yaml

        return str(yaml.safe_dump_all(self.manifests(job), sort_keys=False))

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
        """The ConfigMap with the study, and the RayJob."""
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
            "entrypoint": f"ablate launch {STUDIES}/{job.name}.yaml --storage {self.options.store}",
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": self.options.ttl_seconds,
            "backoffLimit": self.options.backoff_limit,
            "submitterPodTemplate": {"spec": self.submitter()},
            "suspend": bool(self.options.queue),  # Kueue begins it
            "rayClusterSpec": {
                "rayVersion": self.options.ray_version,
                "authOptions": authentication,
                "headGroupSpec": head,
                **({"workerGroupSpecs": [workers]} if self.options.workers else {}),
            },
        }
        study = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {f"{job.name}.yaml": job.study}}
        return [study, {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": meta, "spec": spec}]

    def pod(self, job: Job, role: str, gpus: int) -> dict[str, Any]:
        resources = {"cpu": str(self.options.cpus), "memory": self.options.memory}
        limits: dict[str, str] = {**resources, **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
        secrets = [{"secretRef": {"name": self.options.secret}}] if self.options.secret else []
        variables = [{"name": key, "value": value} for key, value in self.options.variables.items()]
        container = {
            "name": role,
            "image": self.options.image,
            "resources": {"requests": limits, "limits": limits},
            "env": variables,
            "envFrom": secrets,
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


def job_name(study: str) -> str:
    """A name that Kubernetes takes: lower case, at most 47 characters; what is lost is replaced by a digest."""
    name = re.sub(r"[^a-z0-9-]+", "-", f"ablate-{study}".lower()).strip("-")
    return name if name == f"ablate-{study}" and len(name) <= 47 else f"{name[:38].rstrip('-')}-{digest(study, 8)}"
