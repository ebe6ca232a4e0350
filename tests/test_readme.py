"""The example of the README works as it is written."""

import re
from pathlib import Path

from ablate.planning.plan import make_plan
from ablate.planning.resolve import resolve
from ablate.planning.resources import Node
from ablate.study.read import read_study

README = Path(__file__).parent.parent / "README.md"


def example(folder: Path) -> Path:
    """The study of the README as a file."""
    (text,) = re.findall(r"```yaml\n# radius.yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (folder / "radius.yaml").write_text(text, encoding="utf-8")
    return folder / "radius.yaml"


def test_the_example_fits_a_machine_without_a_gpu_and_one_with_gpus(tmp_path: Path) -> None:
    study = read_study(example(tmp_path))
    trials = resolve(study)
    assert len(trials) == 15
    assert make_plan(study, trials, {}, [Node("laptop", 4, 0)]).slots == 4
    assert make_plan(study, trials, {}, [Node("server", 32, 2)]).slots == 2


def test_the_quick_profile_of_the_example_asks_about_its_own_data(tmp_path: Path) -> None:
    study = read_study(example(tmp_path), "quick")
    trials = resolve(study)
    assert {trial.config.dataset for trial in trials} == {"digits"}
    assert study.cases[0].axes["method.epsilon"] == (0.4, 0.8, 1.6)
    assert study.question == "How far must the adversarial step move a written digit?"
