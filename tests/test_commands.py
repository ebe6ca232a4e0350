"""What the command line does with errors and wrong arguments: one sentence, or JSON, and never a traceback."""

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.atomic_write import write_text
from ablate.cli import COMMANDS, app
from ablate.commands.arguments import launched_names, study_files
from ablate.commands.failure import run_and_report
from ablate.errors import StudyError
from ablate.paths import Store
from ablate.run import read_trials
from ablate.study.read import read_study
from ablate.study.write import to_yaml

from .conftest import SEARCH, SMALL

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """A function that runs `ablate` with these arguments in an empty folder: code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    for name in ("ABLATE_STORE", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run_and_report(lambda: app(list(arguments), standalone_mode=False, prog_name="ablate"), arguments)
        out, err = capfd.readouterr()
        return code, out, err

    return call


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


WRONG = [
    (["lunch"], "ablate: no such command 'lunch'; did you mean 'launch'?\n"),
    (["list", "methods", "--jsn"], "ablate: list: no such option: --jsn; did you mean --json?\n"),
    (["launch"], "ablate: launch: missing argument 'STUDY'; see ablate launch --help\n"),
    (["logs", ""], "ablate: no trial is named; name one by its key or its name, as ablate status STUDY lists them\n"),
    (
        ["check", "absent"],
        "ablate: absent: there is no such file, and no study in ./studies; "
        "name a YAML file, or run this where the folder 'studies' is\n",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_told_in_one_sentence_with_a_remedy(run: Run, arguments: list[str], message: str) -> None:
    assert run(*arguments) == (2, "", message)


def test_an_unknown_table_is_told_with_those_that_there_are(run: Run) -> None:
    code, _, err = run("list", "foo")
    assert code == 2
    assert "'foo' is not one of 'methods', 'datasets'" in err
    assert "Value error" not in err


@pytest.mark.parametrize("arguments", [["lunch"], ["launch"], ["check", "absent"], ["logs", ""], ["stop", "absent"]])
def test_with_json_an_error_is_a_json_value_on_standard_output(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments, "--json")
    error = json.loads(out)["error"]
    assert (code, err) == (2, "")
    assert set(error) == {"place", "problem", "remedy", "exit_code"}
    assert (error["exit_code"], bool(error["problem"]), bool(error["remedy"])) == (2, True, True)


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_takes_json_and_debug(run: Run, command: str) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert {"--json", "--debug"} <= set(out.split())


def test_the_version_is_printed(run: Run) -> None:
    code, out, _ = run("--version")
    assert (code, out.split()[0]) == (0, "ablate")


@pytest.mark.parametrize("command", ["status", "plan", "report", "ui", "launch", "gc"])
def test_a_store_that_is_a_file_is_refused_at_once(run: Run, command: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "small.yaml").write_text(
        "method: pca\ndataset: digits\nseeds: 1\nprobes: [linear]\nmetric: linear/accuracy\n"
    )
    study = ["small.yaml"] if command in ("plan", "report", "launch") else []
    code, _, err = run(command, *study, "--storage", "file/below")
    assert code == 2
    assert err.splitlines()[-1] == (
        f"ablate: {tmp_path}/file: this is a file, and a store is a folder; name another with --storage"
    )


FAILURES = st.one_of(
    st.sampled_from(sorted(errno.errorcode)).flatmap(
        lambda code: st.sampled_from([OSError(code, os.strerror(code), "some/file"), OSError(code, os.strerror(code))])
    ),
    st.text(max_size=20).map(OSError),
    st.sampled_from([OSError(), MemoryError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")]),
    st.text(max_size=20).map(lambda text: UnicodeEncodeError("ascii", "é" + text, 0, 1, "ordinal not in range")),
    st.text(max_size=40).map(KeyError),
    st.text(max_size=40).map(lambda text: StudyError(text, text, text)),
)


@given(error=FAILURES)
def test_every_exception_becomes_one_printable_line(error: Exception) -> None:
    from ablate.commands.failure import failure_of

    line = str(failure_of(error))
    assert line.isprintable()


def test_characters_that_reorder_a_line_are_escaped(run: Run) -> None:
    _, _, err = run("check", "a\u202eb\x1b[31m.yaml")
    assert err.startswith("ablate: a\\u202eb\\x1b[31m.yaml: there is no such file")


def test_a_traceback_is_printed_with_debug_only(capfd: pytest.CaptureFixture[str]) -> None:
    assert run_and_report(raising(PermissionError(13, "Permission denied", "x")), ["status"]) == 1
    assert capfd.readouterr().err == "ablate: x: Permission denied; check its permissions, or name another place\n"
    assert run_and_report(raising(ValueError("a bug")), ["status"]) == 1
    err = capfd.readouterr().err
    assert err.startswith("ablate: ValueError: a bug; this is a fault in ablate: report it with the traceback in ")
    assert "ValueError: a bug" in Path(err.split()[-1]).read_text()
    run_and_report(raising(ValueError("a bug")), ["status", "--debug"])
    assert "Traceback" in capfd.readouterr().err


def test_the_shell_completes_study_files_and_names(run: Run, tmp_path: Path) -> None:
    for file in ("studies/one/epsilon.yaml", "studies/k.yaml", "mine.yaml"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("")
    (tmp_path / "ablate-store/studies/epsilon").mkdir(parents=True)
    assert study_files("") == ["epsilon", "k", "mine.yaml", "one/epsilon"]
    assert study_files("e") == ["epsilon"]
    assert launched_names("eps") == ["epsilon"]


def test_a_plan_lists_its_trials_as_they_run_without_ray(run: Run, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    code, _, err = run("plan", "small.yaml", "--no-measure", "--trials", "trials.json")
    assert (code, err) == (0, "")
    trials = read_trials([str(tmp_path / "trials.json")])
    assert [(trial.levels, trial.config.seed) for trial in trials] == [
        ({"method.epsilon": epsilon}, seed) for seed in (0, 1) for epsilon in (0.4, 0.8)
    ]
    refused = (2, "", "ablate: --trials absent/trials.json: there is no folder absent; make it\n")
    assert run("plan", "small.yaml", "--no-measure", "--trials", "absent/trials.json") == refused


def test_a_plan_names_the_data_files_that_are_missing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("ABLATE_DATA", str(data))
    (tmp_path / "small.yaml").write_text(SMALL.replace("digits", "mnist"))
    code, _, err = run("plan", "small.yaml", "--no-measure")
    assert code == 0
    assert err.startswith("the data set 'mnist' lacks MNIST/raw/train-images")
    assert err.endswith(f" in {data}; a launch downloads them first\n")


def test_trials_are_written_through_links_and_into_pipes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    link, pipe = tmp_path / "link.json", tmp_path / "pipe"
    link.symlink_to("trials.json")
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()), daemon=True)
    reader.start()
    for file in (link, pipe):
        assert run("plan", "small.yaml", "--no-measure", "--trials", file.name)[0] == 0
    reader.join(60)
    assert link.is_symlink()
    assert pipe.is_fifo()
    assert [(tmp_path / "trials.json").read_text()] == received
    assert len(read_trials([str(link)])) == 4


def test_a_page_is_written_to_what_a_link_names_and_a_full_device_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "page.md").symlink_to("target.md")
    assert run("report", "--paper", "simvae", "--output", "page.md") == (0, "page.md\n", "")
    assert (tmp_path / "page.md").is_symlink()
    assert (tmp_path / "target.md").stat().st_size > 1000
    (tmp_path / "full").symlink_to("/dev/full")
    code, _, err = run("report", "--paper", "simvae", "--output", "full")
    assert (code, err) == (1, "ablate: full: No space left on device; free some space, or name another place\n")
    assert Path("/dev/full").is_char_device()


def test_a_page_in_a_folder_that_does_not_exist_is_refused_by_the_name_of_the_file(run: Run) -> None:
    message = "ablate: --output absent/page.md: there is no folder absent; make it\n"
    assert run("report", "--paper", "simvae", "--output", "absent/page.md") == (2, "", message)


def test_a_report_names_a_launched_study_that_is_no_file_here(run: Run, tmp_path: Path) -> None:
    store = Store(tmp_path / "ablate-store")
    store.study("mine").folder.mkdir(parents=True)
    (tmp_path / "file.yaml").write_text(f"name: mine\n{SMALL}")
    write_text(store.study("mine").study, to_yaml(read_study(tmp_path / "file.yaml")))
    assert run("report", "mine") == (
        2,
        "",
        "ablate: nothing is recorded of 'mine'; launch it first: ablate launch mine\n",
    )
    assert "there is no such file" in run("report", "other")[2]


def test_a_plan_does_not_list_trials_that_are_proposed_later(run: Run, tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_text(SEARCH)
    code, _, err = run("plan", "search.yaml", "--no-measure", "--trials", "trials.json")
    assert (code, err) == (
        2,
        "ablate: trials.json: trials that are proposed during a launch cannot be listed; leave out --trials\n",
    )
    assert not (tmp_path / "trials.json").exists()
