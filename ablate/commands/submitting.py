"""`ablate submit`: a study as a cluster batch job."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ablate.commands.arguments import Json, Storage, Yes
from ablate.commands.values import store_of, takes_study

if TYPE_CHECKING:
    from ablate.study.model import Study

Target = Annotated[str, typer.Option("--to", help="ray, kubernetes, slurm, or a target of an installed package")]
OptionsFile = Annotated[
    Path | None,
    typer.Option("--target", help="The file of the target's options [default: tool.ablate.submit in pyproject.toml]"),
]


@takes_study
def submit(
    study: "Study",
    target: Target,
    options: OptionsFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent, and send nothing")] = False,
    pack: Annotated[bool, typer.Option("--pack", help="Run all trials on one node (Slurm, Kubernetes)")] = False,
    storage: Storage = None,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Run a study as a cluster batch job: what is missing runs there."""
    from ablate.submit.submission import make_job
    from ablate.submit.submission import submit as send
    from ablate.view.console import print_json

    store = store_of(storage)
    if dry_run:
        made, job = make_job(study, store, target, options, yes=yes, pack=pack)
        text = made.render(job)
        print_json({"study": study.name, "target": target, "sent": text}) if as_json else typer.echo(text, nl=False)
        return
    sent = send(study, store, target, options, yes=yes, pack=pack)
    if as_json:
        print_json({"study": sent.study, "target": sent.target, "job": sent.job_id, "state": sent.state.value})
        return
    typer.echo(f"job {sent.job_id} of {target} is {sent.state.value}")
    name = study.name
    typer.echo(f"follow: ablate logs {name} --follow\nstate:  ablate status {name}\nstop:   ablate stop {name}")
