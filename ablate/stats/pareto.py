"""The Pareto front of several objectives, and the volume that it dominates; coordinates are minimized."""

from collections.abc import Sequence

Point = Sequence[float]


def dominates(one: Point, other: Point) -> bool:
    """Whether a point is at least as good in every coordinate, and better in one."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and any(a < b for a, b in zip(one, other, strict=True))


def front(points: Sequence[Point]) -> list[int]:
    """The positions of the points that no other point dominates, in their order."""
    return [place for place, one in enumerate(points) if not any(dominates(other, one) for other in points)]


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """The volume between the points and a reference that is worse than they are.

    Slices along the last coordinate (Zitzler 1999; While et al. 2006, HSO): between two neighbouring values of it, the
    volume is that of the points up to there in the other coordinates.
    """
    inside = [point for point in points if all(a < b for a, b in zip(point, reference, strict=True))]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in inside)
    ends = sorted({point[-1] for point in inside})
    total = 0.0
    for begin, end in zip(ends, [*ends[1:], reference[-1]], strict=True):
        slab = [point[:-1] for point in inside if point[-1] <= begin]
        total += (end - begin) * hypervolume(slab, reference[:-1])
    return total


def hypervolumes(points: Sequence[Point]) -> list[float]:
    """The volume that the first one, two, … points dominate, up to the worst value of each coordinate of all points."""
    if not points:
        return []
    reference = [max(values) for values in zip(*points, strict=True)]
    return [hypervolume(points[: count + 1], reference) for count in range(len(points))]
