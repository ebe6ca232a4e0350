"""Writes a report as JSON values: `ablate report --json`."""

from dataclasses import asdict
from typing import Any

from ablate.draw.figure_specs import ComparedVariant
from ablate.reporting.report import Cell, Measured, PaperSection, Report, Table
from ablate.reporting.verdicts import FindingVerdict
from ablate.stats.across_datasets import Ranking
from ablate.stats.comparisons import Comparison
from ablate.stats.estimate import CONFIDENCE


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON values; null where a value is not known."""
    return {
        "study": report.study.name,
        "question": report.study.question,
        "profile": report.study.profile,
        "metric": report.metric,
        "confidence": CONFIDENCE,
        "answer": list(report.answer),
        "comparisons": [comparison_json(comparison) for comparison in report.design.comparisons],
        "variants": [variant_json(compared) for compared in report.results.variants],
        "front": table_json(report.results.front),
        "importance": table_json(report.results.importance),
        "proposals": table_json(report.results.proposals),
        "confirmation": table_json(report.results.confirmation),
        "warnings": list(report.execution.warnings),
        "limits": list(report.design.limits),
        "power": report.design.power or None,
        "interactions": [
            {"dataset": one.baseline.config.dataset, "levels": dict(one.levels), **one.numbers()}
            for one in report.design.interactions
        ],
        "trends": [
            {"dataset": one.baseline.config.dataset, "method": one.baseline.config.method, "axis": one.axis}
            | {"levels": list(one.trend.levels), **one.numbers()}
            for one in report.design.trends
        ],
        "over_datasets": [
            {"variant": one.label, **asdict(one.estimate), "p": one.p_value, "between": one.between}
            for one in report.design.over_datasets
        ],
        "ranking": ranking_json(report.design.ranking) if report.design.ranking else None,
        "paper": paper_json(report.paper) if report.paper else None,
        "problem": report.paper_problem or None,
    }


def table_json(table: Table) -> list[dict[str, Any]]:
    """The rows of a table by the names of its columns; an estimate as its numbers, without a unit."""

    def plain(cell: Cell) -> Any:
        return asdict(cell.estimate) if isinstance(cell, Measured) else cell

    keys = [table.keys.get(name, name) for name in table.head]
    return [dict(zip(keys, map(plain, row), strict=True)) for row in table.rows]


def ranking_json(ranking: Ranking) -> dict[str, Any]:
    return {
        "variants": list(ranking.labels),
        "datasets": list(ranking.datasets),
        "mean_ranks": list(ranking.mean_ranks),
        "p": ranking.p_value,
        "critical_difference": ranking.critical_difference,
        "alike": [list(ranking.labels[first : last + 1]) for first, last in ranking.alike],
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
        "no_value": {str(seed): reason for seed, reason in variant.no_value.items()},
        "stopped": {str(seed): reason for seed, reason in variant.stopped.items()},
        "paper": asdict(compared.printed) if compared.printed else None,
    }


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "dataset": comparison.variant.config.dataset,
        "method": comparison.variant.config.method,
        "levels": dict(comparison.variant.levels),
        "baseline": dict(comparison.baseline.levels),
        **comparison.numbers(),
        "bootstrap": comparison.difference.bootstrap,
    }


def verdict_json(found: FindingVerdict) -> dict[str, Any]:
    return {
        "finding": found.ablation.id,
        "verdict": str(found.outcome),
        "tested": {share.what: {"tested": share.tested, "of": share.of} for share in found.shares},
        "seeds_needed": found.verdict.seeds_needed,
        "caution": found.caution or None,
        "untested": list(found.untested),
        "statements": [
            {
                "statement": statement.text,
                **asdict(statement.estimate),
                "bound": statement.bound,
                "at_most": statement.at_most,
                "p_supported": statement.p_supported,
                "p_refuted": statement.p_refuted,
            }
            for statement in found.verdict.statements
        ],
    }


def paper_json(paper: PaperSection) -> dict[str, Any]:
    return {
        "id": paper.id,
        "title": paper.title,
        "place": paper.place or None,
        "findings": {ablation.id: ablation.finding for ablation in paper.ablations},
        "verdicts": [verdict_json(found) for found in paper.verdicts],
        "note": paper.note or None,
        "differences": [asdict(difference) for difference in paper.differences],
        "stand_ins": dict(paper.stand_ins),
    }
