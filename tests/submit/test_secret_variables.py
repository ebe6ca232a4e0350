"""Variables with secrets are told from others, and a shell reads them from a file for its owner alone."""

import stat
import subprocess
from pathlib import Path

import pytest

from ablate.submit.secret_variables import is_secret, secrets_of, write_secrets


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("MLFLOW_TRACKING_PASSWORD", "a", True),
        ("AWS_ACCESS_KEY_ID", "a", True),
        ("github_token", "a", True),
        ("https_proxy", "http://me:a@proxy:1", True),
        ("https_proxy", "http://me@proxy:1", False),
        ("RAY_AUTH_TOKEN_PATH", "/token", False),
        ("MLFLOW_TRACKING_USERNAME", "me", False),
        ("TOKENIZERS_PARALLELISM", "false", False),
        ("A", "http://[", False),
    ],
)
def test_a_variable_holds_a_secret_by_its_name_or_as_an_address_with_a_password(
    name: str, value: str, secret: bool
) -> None:
    assert is_secret(name, value) is secret


def test_a_shell_reads_the_secrets_of_an_environment_from_a_private_file(tmp_path: Path) -> None:
    given = {"PGPASSWORD": "it's $HOME;\n`a` \udcff", "HOME": "/home/me", "BASH_FUNC_token%%": "() { :; }"}
    file = tmp_path / "job.env"
    file.write_text("open to others")
    file.chmod(0o644)
    write_secrets(file, secrets_of(given))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    command = ["env", "-i", "bash", "-c", f'. {file}; printf %s "$PGPASSWORD"']
    printed = subprocess.run(command, capture_output=True, check=True).stdout
    assert printed == given["PGPASSWORD"].encode(errors="surrogateescape")
    write_secrets(file, secrets_of({"HOME": "/home/me"}))
    assert not file.exists()
