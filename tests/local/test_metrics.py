"""Counters, gauges and histograms, read back by a strict reader."""

from __future__ import annotations

import pytest

from moobius.local.metrics import Counter, Gauge, Histogram, exposition
from tests.support.prometheus import parse


def test_what_is_counted_is_what_is_read() -> None:
    plain, labelled = Counter("a_total", "Plain."), Counter("b_total", "Labelled.", "x", "y")
    plain.add()
    plain.add(by=2.5)
    labelled.add("1", "2")
    labelled.add("1", "2")
    labelled.add("1", "3")
    read = parse(exposition([plain, labelled, Gauge("c", "A gauge.", -1.5, of="d")]))
    assert read["a_total"].value() == 3.5
    assert read["b_total"].value(x="1", y="2") == 2
    assert read["b_total"].value(x="1", y="3") == 1
    assert read["c"].value(of="d") == -1.5
    assert [each.kind for each in read.values()] == ["counter", "counter", "gauge"]


def test_a_counter_without_labels_begins_at_0_and_one_with_labels_with_nothing() -> None:
    read = parse(exposition([Counter("a_total", "Plain."), Counter("b_total", "Labelled.", "x")]))
    assert read["a_total"].value() == 0
    assert read["b_total"].samples == {}


def test_large_counts_stay_exact() -> None:
    counter = Counter("a_total", "Bytes.")
    counter.add(by=2**53 - 1)
    assert parse(exposition([counter]))["a_total"].value() == 2**53 - 1


def test_a_histogram_counts_what_is_at_most_its_bound() -> None:
    histogram = Histogram("h", "Seconds.", "route", bounds=(0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7):
        histogram.observe(seconds, "/a")
    histogram.observe(1.0, "/b")
    read = parse(exposition([histogram]))["h"]
    counts = [read.value("_bucket", route="/a", le=bound) for bound in ("0.1", "1", "+Inf")]
    assert counts == [2, 3, 4]
    assert read.value("_sum", route="/a") == pytest.approx(7.65)
    assert (read.value("_count", route="/a"), read.value("_count", route="/b")) == (4, 1)


def test_odd_label_values_are_escaped() -> None:
    odd = 'back\\slash "quoted"\nnew line é'
    counter = Counter("a_total", "Odd.", "x")
    counter.add(odd)
    assert parse(exposition([counter]))["a_total"].value(x=odd) == 1


@pytest.mark.parametrize(
    "text",
    [
        "# HELP a A.\n# TYPE a counter\na 1",
        "# TYPE a counter\na 1\n",
        "# HELP a A.\n# TYPE a counter\nb 1\n",
        "# HELP a A.\n# TYPE a counter\na 1\na 2\n",
        '# HELP a A.\n# TYPE a counter\na{x="\n"} 1\n',
        '# HELP h A.\n# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    ],
)
def test_the_reader_is_strict(text: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        parse(text)
