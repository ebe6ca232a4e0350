"""Writes a report as JSON values: `ablate report --json`."""

from dataclasses import asdict
from typing import Any

from ablate.draw.figure_specs import ComparedVariant
from ablate.reporting.report import PaperSection, Report
from ablate.stats.estimate import CONFIDENCE


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON values; null where a value is not known."""
    return {
        "study": report.study,
        "question": report.question,
        "profile": report.profile,
        "metric": report.metric,
        "confidence": CONFIDENCE,
        "variants": [variant_json(compared) for compared in report.results.variants],
        "paper": paper_json(report.paper) if report.paper else None,
        "problem": report.paper_problem or None,
    }


def variant_json(compared: ComparedVariant) -> dict[str, Any]:
    variant = compared.variant
    return {
        "dataset": variant.config.dataset,
        "method": variant.config.method,
        "levels": dict(variant.levels),
        "baseline": variant.baseline,
        **asdict(variant.estimate),
        "scores": {str(seed): score for seed, score in variant.scores.items()},
        "failed": {str(seed): reason for seed, reason in variant.failed.items()},
        "missing": list(variant.missing),
        "paper": asdict(compared.printed) if compared.printed else None,
    }


def paper_json(paper: PaperSection) -> dict[str, Any]:
    return {
        "id": paper.id,
        "title": paper.title,
        "place": paper.place or None,
        "findings": {ablation.id: ablation.finding for ablation in paper.ablations},
        "differences": [asdict(difference) for difference in paper.differences],
        "stand_ins": dict(paper.stand_ins),
    }
