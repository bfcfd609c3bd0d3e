"""Counts and durations, and their text for Prometheus (exposition format 0.0.4). Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})

# Seconds, from what a look-up in memory takes to what makes people look at the clock.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metric(Protocol):
    """Something with a name and samples."""

    name: str
    help: str
    kind: str

    def samples(self) -> Iterator[str]:
        """Return its lines, without those that say what it is."""
        ...


class Counter:
    """Only grows; one count for each combination of label values."""

    kind = "counter"

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self.name, self.help, self._labels = name, help, labels
        self._counts: dict[tuple[str, ...], float] = {} if labels else {(): 0}

    def add(self, *values: str, by: float = 1) -> None:
        """Count once more, for these values of the labels."""
        self._counts[values] = self._counts.get(values, 0) + by

    def samples(self) -> Iterator[str]:
        """Return a line for each combination seen."""
        for values, count in self._counts.items():
            yield f"{self.name}{_labels(self._labels, values)} {count:.17g}"


class Gauge:
    """Goes up and down: a value as it is now."""

    kind = "gauge"

    def __init__(self, name: str, help: str, value: float, **labels: str) -> None:
        self.name, self.help, self._value, self._labels = name, help, value, labels

    def samples(self) -> Iterator[str]:
        """Return the one line."""
        labels = _labels(tuple(self._labels), tuple(self._labels.values()))
        yield f"{self.name}{labels} {self._value:.17g}"


class Histogram:
    """How often something took how long; one for each combination of label values."""

    kind = "histogram"

    def __init__(
        self, name: str, help: str, *labels: str, bounds: Sequence[float] = SECONDS
    ) -> None:
        self.name, self.help, self._labels, self._bounds = name, help, labels, bounds
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], float] = {}

    def observe(self, amount: float, *values: str) -> None:
        """Note one."""
        counts = self._counts.get(values)
        if counts is None:
            counts = self._counts[values] = [0] * (len(self._bounds) + 1)
            self._sums[values] = 0.0
        counts[bisect_left(self._bounds, amount)] += 1
        self._sums[values] += amount

    def samples(self) -> Iterator[str]:
        """Return a line for each bound, the sum and the count."""
        for values, counts in self._counts.items():
            below = 0
            for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
                below += count
                text = "+Inf" if bound == float("inf") else f"{bound:g}"
                labels = _labels((*self._labels, "le"), (*values, text))
                yield f"{self.name}_bucket{labels} {below}"
            labels = _labels(self._labels, values)
            yield f"{self.name}_sum{labels} {self._sums[values]:.17g}"
            yield f"{self.name}_count{labels} {below}"


def exposition(metrics: Iterable[Metric]) -> str:
    """Return the text that `/metrics` answers with."""
    lines: list[str] = []
    for metric in metrics:
        lines.append(f"# HELP {metric.name} {metric.help}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        lines.extend(metric.samples())
    return "\n".join(lines) + "\n"


def _labels(names: Sequence[str], values: Sequence[str]) -> str:
    if not names:
        return ""
    pairs = (
        f'{name}="{value.translate(ESCAPES)}"' for name, value in zip(names, values, strict=True)
    )
    return "{" + ",".join(pairs) + "}"
