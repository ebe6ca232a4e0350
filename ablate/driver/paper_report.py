"""The page of a paper, gathered from the studies of it that were launched with a store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ablate.coverage import studies_of
from ablate.driver.report import current_results, runs_address
from ablate.driver.status import launched_studies, launched_study
from ablate.errors import StudyError
from ablate.papers import PAPERS
from ablate.paths import Store
from ablate.registry import suggest
from ablate.reporting.content import with_ablations
from ablate.reporting.paper_page import NotRun, PaperPage, PaperStudy, page_of
from ablate.reporting.paper_page_formats import page_markdown, scale_text, tested_counts, write_page
from ablate.stats.results import Result
from ablate.study.model import Study

ALL = "all"  # every paper, on one page
MADE_BY = "What the studies of each paper have shown so far, as `ablate report --paper all --output FILE` writes it."


def papers_named(paper: str) -> tuple[str, ...]:
    """The paper of that name, or every one for `all`.  Raises StudyError for an unknown one."""
    if paper == ALL:
        return tuple(PAPERS)
    if paper not in PAPERS:
        raise StudyError(f"no paper is called '{paper}'", suggest(paper, (*PAPERS, ALL)))
    return (paper,)


def paper_page(paper: str, store: Store) -> PaperPage:
    """The page of a paper from all results that are recorded now.

    What was not run is unknown where the studies folder holds no study of the paper, as in another working directory.
    """
    launched, known = tuple(launched_studies_of(paper, store)), studies_of(paper)
    names = {one.study.name for one in launched}
    not_run = [not_run_study(file, study) for file, study in known.items() if study.name not in names]
    return page_of(paper, launched, not_run if known else None)


def launched_studies_of(paper: str, store: Store) -> Iterator[PaperStudy]:
    """The launched studies that name the paper, as they were launched last, with what is recorded of them.

    Only the note on the verdict is that of the study's file as it is now.
    """
    files = {study.name: (file, study) for file, study in studies_of(paper).items()}
    for name in launched_studies(store):
        study = launched_study(store, name)
        if study is not None and study.paper is not None and study.paper.id == paper:
            results = recorded_results(study, store)
            if results:
                file, written = files.get(name, (name, study))
                yield PaperStudy(with_note_of(written, study), results, file, runs_address(study, store))


def with_note_of(written: Study, launched: Study) -> Study:
    """The launched study with the note that its file has now, which may have been written after the results."""
    if written.paper is None or launched.paper is None:
        return launched
    return launched.model_copy(update={"paper": launched.paper.model_copy(update={"note": written.paper.note})})


def recorded_results(study: Study, store: Store) -> tuple[Result, ...]:
    """The results of all trials; none where nothing is recorded of the study."""
    try:
        return current_results(study, store)
    except StudyError:
        return ()


def not_run_study(file: str, study: Study) -> NotRun:
    _, tested, _ = with_ablations(study, study.compared_metric)
    return NotRun(study.name, file, study.question, tuple(ablation.id for ablation in tested))


def write_paper_page(page: PaperPage, store: Store) -> Path | None:
    """Write the page into the store's folder; None where the store may only be read."""
    return write_page(page, store.papers / page.id) if store.writable else None


def pages_text(pages: tuple[PaperPage, ...]) -> str:
    """The Markdown of pages; of several, without the numbers that no study has measured."""
    if len(pages) == 1:
        return page_markdown(pages[0])
    return "\n".join([f"{MADE_BY}\n", *(page_markdown(page, measured_only=True) for page in pages)])


@dataclass(frozen=True)
class PaperVerdicts:
    """The verdicts on a paper's findings, in words."""

    verdicts: Mapping[str, str]  # finding → its verdict and where it is from, of those that a launched study tests
    tested: str  # `2 of 13 findings tested: 1 agrees in part, 1 is undecided`; empty where none is


def verdicts_on(paper: str, store: Store) -> PaperVerdicts:
    """The verdicts on the findings of a paper that its launched studies give."""
    page = page_of(paper, tuple(launched_studies_of(paper, store)), ())
    verdicts = {
        finding.ablation.id: f"{one.found.text}, by {one.study} (scale: {scale_text(one)})"
        for finding in page.tested
        for one in finding.tested[:1]
    }
    return PaperVerdicts(verdicts, tested_counts(page) if page.tested else "")
