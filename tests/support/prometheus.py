"""A strict reader of the Prometheus text format 0.0.4, written from its description."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"'
HELP = re.compile(rf"# HELP ({NAME}) (\S.*)")
TYPE = re.compile(rf"# TYPE ({NAME}) (counter|gauge|histogram)")
SAMPLE = re.compile(rf"({NAME})(?:\{{({LABEL}(?:,{LABEL})*)\}})? (\S+)")
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
UNESCAPED = {r"\\": "\\", r"\n": "\n", r"\"": '"'}

Labels = tuple[tuple[str, str], ...]


@dataclass
class Family:
    """One metric, with its samples by name and labels."""

    kind: str
    samples: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, suffix: str = "", **labels: str) -> float:
        """Return the value of one sample."""
        (found,) = [
            value
            for (name, given), value in self.samples.items()
            if name.endswith(suffix) and dict(given) == labels
        ]
        return found


def parse(text: str) -> dict[str, Family]:
    """Return the metrics by name; fail on anything the format does not allow."""
    assert text.endswith("\n"), "the last line ends like the others"
    families: dict[str, Family] = {}
    helped = ""
    current = ""
    for line in text.removesuffix("\n").split("\n"):
        if found := HELP.fullmatch(line):
            assert found[1] not in families, f"{found[1]} comes twice"
            helped = found[1]
        elif found := TYPE.fullmatch(line):
            assert found[1] == helped, "TYPE follows its HELP"
            current = found[1]
            families[current] = Family(found[2])
        else:
            _take_sample(line, current, families[current])
    for name, family in families.items():
        if family.kind == "histogram":
            _check_buckets(name, family)
    return families


def _take_sample(line: str, name: str, family: Family) -> None:
    found = SAMPLE.fullmatch(line)
    assert found, f"no sample: {line!r}"
    names = [name + suffix for suffix in SUFFIXES.get(family.kind, ("",))]
    assert found[1] in names, f"{found[1]} stands under {name}"
    labels = tuple(
        (label, re.sub(r"\\.", lambda escape: UNESCAPED[escape[0]], value))
        for label, value in re.findall(LABEL, found[2] or "")
    )
    assert len({label for label, _ in labels}) == len(labels), "a label comes twice"
    key = (found[1], labels)
    assert key not in family.samples, f"{line!r} comes twice"
    value = float(found[found.lastindex or 0])
    assert family.kind == "gauge" or value >= 0
    family.samples[key] = value


def _check_buckets(name: str, family: Family) -> None:
    series: dict[Labels, list[tuple[float, float]]] = {}
    for (sample, labels), value in family.samples.items():
        if sample.endswith("_bucket"):
            bound = float(dict(labels)["le"])
            rest = tuple(each for each in labels if each[0] != "le")
            series.setdefault(rest, []).append((bound, value))
    for labels, buckets in series.items():
        assert buckets == sorted(buckets), "buckets grow, and so do their counts"
        assert buckets[-1][0] == float("inf")
        assert buckets[-1][1] == family.samples[(f"{name}_count", labels)]
        assert (f"{name}_sum", labels) in family.samples
