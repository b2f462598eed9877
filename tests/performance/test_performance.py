"""Every case against its reference, on one thread, in one process, interleaved."""

import pytest
from performance.cases import cases, least_seconds
from performance.paired_ratios import (
    SLACK,
    commit,
    committed,
    everything,
    kind,
    missing,
    paired_ratio,
    passes,
)

pytestmark = pytest.mark.performance
NAMES = (
    "article",
    "article, equal error of the mean",
    "article, equal error of the sd",
    "uci, 31 points",
    "uci, 1000 points",
    "uci, 4573 points",
    "deep",
    "dropout",
    "ensemble",
    "training",
    "training, two heads",
    "training, dropout",
    "training, variational",
)


def test_every_committed_ratio_has_its_benchmark(request):
    assert set(NAMES) == set(cases(short=True))
    update, short = (request.config.getoption(word) for word in ("--update-ratios", "--short"))
    if update:
        assert not short, "the ratios that are committed are those of the full form"
    for of_a_kind in everything().values():
        assert update or not missing(set(NAMES), of_a_kind)


@pytest.mark.parametrize("name", NAMES)
def test_the_core_is_as_fast_as_it_was(name, benchmark, request, table):
    short = request.config.getoption("--short")
    case = cases(short)[name]
    benchmark.group = name
    benchmark.pedantic(case.ours, rounds=3, warmup_rounds=1)
    best = min(case.references, key=lambda k: least_seconds(case.references[k], 3))
    found = []

    def measure() -> float:
        pairs = 5 if short else 15
        ratio, theirs, own = paired_ratio(case.references[best], case.ours, pairs)
        found.append((ratio / case.share * case.efficiency, theirs / case.share, own))
        return found[-1][0]

    update, held = request.config.getoption("--update-ratios"), committed()
    # On a processor that nobody measured, the core must be no slower than its references.
    least = 0.0 if update else held.get(name, min(case.target, 1.0)) / SLACK
    passed, ratio = passes(measure, least)
    _, theirs, own = max(found)
    floor = f"{own / case.floor_s():.2f}" if case.floor_s else ""
    benchmark.extra_info.update(reference=best, ratio=ratio, target=case.target, floor=floor)
    numbers = (f"{theirs * 1e3:.1f}", f"{own * 1e3:.2f}", f"{ratio:.1f}", f"{case.target:.3g}")
    table.append((name, case.work, best, *numbers, floor))
    if update:
        commit({**held, name: ratio})
    said = held.get(name, "nothing")
    assert passed, (
        f"{name} is {ratio:.2f} times as fast as its reference ({best}); {said} is committed "
        f"for {kind()}, and at least {least:.2f} is asked for"
    )
