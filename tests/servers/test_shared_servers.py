"""MLflow with users on PostgreSQL and S3, behind TLS and below a path, as docker/compose.yaml starts them.

All are real, and started once for this file.
"""

from collections.abc import Iterator

import pytest

from ablate.errors import ServiceError
from ablate.track.server import check_server

from ..services.mlflow_server import PASSWORD, TOKEN, SharedServer, shared_server
from ..services.waiting import wait_until

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedServer]:
    with shared_server(tmp_path_factory.mktemp("shared")) as server:
        yield server


@pytest.fixture
def server(started: SharedServer, monkeypatch: pytest.MonkeyPatch) -> SharedServer:
    """The servers, with what a user's environment names but for the user."""
    for name, value in started.environment().items():
        monkeypatch.setenv(name, value)
    return started


def refusal(uri: str) -> str:
    with pytest.raises(ServiceError) as raised:
        check_server(uri)
    assert raised.value.exit_code == 1  # not 75: waiting changes nothing
    assert PASSWORD not in str(raised.value)
    return str(raised.value)


def test_who_is_not_let_in_is_told_why(server: SharedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    check_server(server.uri_of("alice"))
    unknown = "does not accept the user and password, or the token"
    assert unknown in refusal(server.uri)
    assert unknown in refusal(server.uri_of("alice", "a wrong one"))
    assert unknown in refusal(server.uri_of("nobody"))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "unknown")
    assert "a new MLFLOW_TRACKING_TOKEN" in refusal(server.by_token)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    check_server(server.by_token)
    server.know_tokens()  # it has expired
    wait_until(lambda: not lets_in(server.by_token), str)
    assert unknown in refusal(server.by_token)
    monkeypatch.delenv("MLFLOW_TRACKING_SERVER_CERT_PATH")
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(server.uri_of("alice"))


def lets_in(uri: str) -> bool:
    try:
        check_server(uri)
    except ServiceError:
        return False
    return True
