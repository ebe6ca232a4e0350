"""What probes need besides the data is found out before anything is run."""

import hashlib
import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch

import ablate
from ablate.errors import DataError
from ablate.planning.requirements import requirements
from ablate.planning.resolve import resolve
from ablate.probes import PROBES
from ablate.probes.image_features import INCEPTION
from ablate.probes.weights import Weights
from ablate.study.model import Study
from ablate.study.read import read_study

CONTENT = b"weights"
STUDY = """\
method: vae
dataset: digits
fixed: {training.epochs: 1}
axes: {method.latent_dim: [2, 3]}
seeds: 2
probes: [linear, fid]
metric: linear/accuracy
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty torch cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "no network here")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


class Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(CONTENT)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Do not print requests."""


def study_of(tmp_path: Path, *overrides: str) -> Study:
    file = tmp_path / "generation.yaml"
    file.write_text(STUDY, encoding="utf-8")
    return read_study(file, overrides=overrides)


def weights_at(address: str, sha256: str = hashlib.sha256(CONTENT).hexdigest()[:8]) -> Weights:
    return Weights("The weights", address, sha256, "copy them there")


def test_the_file_is_where_torch_looks_for_it(cache: Path) -> None:
    from torchvision.models import Inception_V3_Weights

    assert INCEPTION.file.parent == Path(torch.hub.get_dir()) / "checkpoints"
    assert Inception_V3_Weights.IMAGENET1K_V1.url == INCEPTION.address


def test_only_the_chosen_network_is_needed_and_once(tmp_path: Path) -> None:
    for override, needed in (("probes.fid.network=inception", (INCEPTION,)), ("probes.fid.network=random-conv", ())):
        study = study_of(tmp_path, override)
        assert requirements(study, resolve(study)) == needed


def test_no_probe_needs_anything_that_its_options_do_not_name() -> None:
    assert {name for name, probe in PROBES.items() if probe().weights()} == {"fid"}


@pytest.mark.usefixtures("offline")
def test_check_plan_and_launch_refuse_a_study_whose_weights_cannot_be_had(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    study, store = study_of(tmp_path), tmp_path / "store"
    acts = (ablate.check, lambda one: ablate.plan(one, store=store), lambda one: ablate.launch(one, store=store))
    for act in acts:
        with pytest.raises(DataError) as caught:
            act(study)
        message = str(caught.value)
        assert message.startswith(f"{cache / INCEPTION.file.name}: Inception's weights are missing, and https://")
        assert "no network here" in message
        assert message.endswith(INCEPTION.remedy)
    assert not (store / "mlflow").exists()


def test_damaged_weights_are_refused_without_a_network(cache: Path) -> None:
    cache.mkdir(parents=True)
    INCEPTION.file.write_bytes(b"no weights")
    for act in (INCEPTION.check, INCEPTION.fetch):
        with pytest.raises(DataError, match=f"{INCEPTION.file}: Inception's weights are truncated or altered; delete"):
            act()


def test_missing_weights_are_fetched_and_then_known_to_be_whole(cache: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/weights.pth"
        one = weights_at(address)
        one.check()
        assert not one.file.exists()
        one.fetch()
        assert one.file.read_bytes() == CONTENT
        with pytest.raises(DataError, match="truncated or altered"):
            weights_at(f"{address}.other", "00000000").fetch()
    finally:
        server.shutdown()
        server.server_close()
    one.check()  # without the server
    assert [file.name for file in cache.iterdir()] == ["weights.pth"]
