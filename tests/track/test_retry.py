"""How long requests to MLflow are repeated, and which error ends them."""

from collections.abc import Callable

import pytest
import requests

from ablate.errors import ServiceAway, ServiceError
from ablate.track.rest import RestError
from ablate.track.retry import repeat
from ablate.track.server import check_server

URI = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ablate.track.retry.DELAYS", (0.0,))
    monkeypatch.setattr("ablate.track.retry.LONGEST_DELAY", 0.001)


def failing(times: int, error: Exception, calls: list[int]) -> Callable[[], str]:
    """A request that fails so many times, and then is answered."""

    def request() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "answer"

    return request


@pytest.mark.parametrize("error", [requests.ConnectionError(), requests.ReadTimeout(), RestError(503, "", "")], ids=str)
def test_a_launch_repeats_a_request_until_the_server_answers(error: Exception) -> None:
    assert repeat(failing(20, error, []), URI, patience=600.0) == "answer"


def test_after_patience_the_exit_code_says_try_again() -> None:
    calls: list[int] = []
    with pytest.raises(ServiceAway) as raised:
        repeat(failing(10**9, requests.ConnectionError(), calls), URI, patience=0.1)
    assert (raised.value.exit_code, len(calls) > 2) == (75, True)


def test_a_command_that_only_reads_gives_up_after_the_first_delays() -> None:
    calls: list[int] = []
    with pytest.raises(ServiceAway):
        repeat(failing(10**9, requests.ConnectionError(), calls), URI)
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (RestError(401, "", ""), 2),
        (RestError(403, "", ""), 2),
        (requests.exceptions.SSLError("CERTIFICATE_VERIFY_FAILED"), 2),
        (RestError(400, "", ""), 1),
    ],
    ids=str,
)
def test_what_waiting_does_not_change_is_not_waited_for(error: Exception, tries: int) -> None:
    calls: list[int] = []
    with pytest.raises(ServiceError) as raised:
        repeat(failing(10**9, error, calls), URI, patience=600.0)
    assert (raised.value.exit_code, len(calls)) == (1, tries)


def test_a_named_server_that_does_not_answer_is_away() -> None:
    for patience in (0.0, 0.05):
        with pytest.raises(ServiceAway, match=r"MLFLOW_TRACKING_URI=http://127.0.0.1:9: MLflow does not answer"):
            check_server(URI, patience)


def test_a_request_that_waits_ends_soon_once_its_launch_is_asked_to_stop() -> None:
    calls: list[int] = []
    with pytest.raises(ServiceAway):
        repeat(failing(10**9, requests.ConnectionError(), calls), URI, lambda: 0.0 if len(calls) >= 5 else 600.0)
    assert len(calls) == 5
