"""Requests to an MLflow server's REST interface, with the credentials and certificates of MLflow's own variables."""

import configparser
import os
from collections.abc import Callable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from ablate.errors import StudyError, in_one_line

API = "/api/2.0/mlflow/"
TIMEOUT = 60.0  # seconds without a byte from the server, which may be busy; MLFLOW_HTTP_REQUEST_TIMEOUT
CONNECT_TIMEOUT = 10.0  # seconds until a connection is made
TRANSFER_TIMEOUT = 60.0  # the same, of a file


class RestError(Exception):
    """The server's answer to a request that it did not carry out."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status  # of HTTP
        self.code = code  # MLflow's, such as RESOURCE_DOES_NOT_EXIST; empty where it is not MLflow that answers
        self.message = message

    def __str__(self) -> str:
        return self.message or self.code or f"HTTP status {self.status}"

    def get_http_status_code(self) -> int:
        return self.status


class Bearer(AuthBase):
    """Adds a token to a request."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Rest:
    """The REST interface of one server; connections are kept and shared by threads."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self.session = requests.Session()
        self.session.mount("", requests.adapters.HTTPAdapter(pool_maxsize=16))
        self.timeout = request_timeout()
        self.options: dict[str, Any] = {"verify": certificate_check(), "auth": credentials() or credentials_in(uri)}
        if client := os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH"):
            self.options["cert"] = client

    def get(self, endpoint: str, **params: Any) -> dict[str, Any]:
        """The answer to a request for something; parameters that are None are left out."""
        return self._json(lambda: self.send("GET", API + endpoint, params=params))

    def post(self, endpoint: str, **content: Any) -> dict[str, Any]:
        """The answer to a request that holds this content; fields that are None are left out."""
        given = {name: value for name, value in content.items() if value is not None}
        return self._json(lambda: self.send("POST", API + endpoint, json=given))

    def pages(self, request: Callable[..., dict[str, Any]], endpoint: str, **content: Any) -> Iterator[dict[str, Any]]:
        """The answers to a request (`get` or `post`) that is answered in pages."""
        token = None
        while True:
            page = request(endpoint, **content, page_token=token)
            yield page
            token = page.get("next_page_token")
            if not token:
                return

    def get_page(self, path: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The answer at a path outside of the documented interface."""
        return self._json(lambda: self.send("GET", path, params=dict(params)))

    def send(self, method: str, path: str, timeout: float | None = None, **options: Any) -> requests.Response:
        """The answer.  Raises RestError where the server refuses, and what requests raises where it does not answer."""
        seconds = timeout or self.timeout
        timeouts = (min(CONNECT_TIMEOUT, seconds), seconds)
        answer = self.session.request(method, self.uri + path, timeout=timeouts, **{**self.options, **options})
        if not answer.ok:
            raise error_of(answer)
        return answer

    def _json(self, send: Callable[[], requests.Response]) -> dict[str, Any]:
        answer = send()
        try:
            return dict(answer.json() if answer.content else {})
        except ValueError:  # a login page, for example
            raise RestError(answer.status_code, "", "the answer is not MLflow's") from None


def error_of(answer: requests.Response) -> RestError:
    try:
        content = dict(answer.json())
    except (ValueError, TypeError):
        told = answer.reason if answer.text.lstrip().startswith("<") else in_one_line(answer.text[:200])  # a page
        return RestError(answer.status_code, "", f"HTTP status {answer.status_code}: {told}")
    told = str(content.get("message", "")).partition("\n[SQL: ")[0]  # a statement of many lines follows
    message = in_one_line(f"{content.get('error_code', answer.status_code)}: {told}")
    return RestError(answer.status_code, str(content.get("error_code", "")), message)


def request_timeout() -> float:
    """Seconds without a byte from the server after which a request fails.  Raises StudyError where they are none."""
    given = os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT") or str(TIMEOUT)
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if 0 < seconds < inf:
        return seconds
    problem, remedy = "this is not a number of seconds", f"write one, as {TIMEOUT:.0f}, or leave it out"
    raise StudyError(problem, remedy, f"MLFLOW_HTTP_REQUEST_TIMEOUT={given}")


def certificate_check() -> bool | str:
    """Whether the server's certificate is checked, or the file with which it is."""
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return False
    return os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True


def credentials() -> AuthBase | None:
    """User and password, or a token, of the environment or of MLflow's file; None where there are none."""
    user, password = (variable_or_file(f"MLFLOW_TRACKING_{name}") for name in ("USERNAME", "PASSWORD"))
    if user and password:
        return HTTPBasicAuth(user.encode(), password.encode())  # of a text, requests takes Latin-1 letters only
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return Bearer(token) if token else None


def credentials_in(uri: str) -> AuthBase | None:
    """User and password of an address; None where it has none."""
    user, password = requests.utils.get_auth_from_url(uri)
    return HTTPBasicAuth(user.encode(), password.encode()) if user or password else None


def variable_or_file(name: str) -> str:
    """An environment variable's value, else the one in `~/.mlflow/credentials`."""
    if given := os.environ.get(name):
        return given
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(Path("~/.mlflow/credentials").expanduser(), encoding="utf-8")
    except (configparser.Error, OSError, RuntimeError, ValueError):  # no home folder, or a file in another format
        return ""
    return parser.get("mlflow", name.lower(), fallback="")
