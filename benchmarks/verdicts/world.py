"""Simulated rounds of a paired comparison: requests drawn at random, observed with govbench's own estimators.

The parameters are those of ten users on the embedded API on two cores; what is drawn is every answer's time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.verdicts.queues import Asked, ask
from govbench.errors import TooFewSamples
from govbench.results.metrics import MetricName
from govbench.results.plan import TestType
from govbench.results.rounds import Control, Observation, Round
from govbench.stats import PairedEstimate, block_ids, paired_median, quantile, quantile_log_ratio

Array = npt.NDArray[np.float64]

P50, P95, ERRORS = MetricName.RESPONSE_TIME_P50, MetricName.RESPONSE_TIME_P95, MetricName.ERROR_RATE
TYPE = TestType.CONCURRENT

LOAD_S, STEADY_S = 1.6, 1.35
# Boot, start and end of a round take 1.3 s on an idle machine.
ROUND_S = 2.9
BLOCK_S = STEADY_S / 10
FEWEST_PAIRS, MOST_PAIRS = 220, 250
CONTROL_EVERY = 10
# Of one answer, on log scale: the rounds then vary by 1.7 % and show 1.5 % of error within, as measured.
JITTER = 0.12
TYPICAL_MS = 25.0
INSTANCE_SD = 0.01
# Slow moments: what neighbouring answers of one side share, between two that follow each other.
NEIGHBOURS = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is true of the two sides, and for how many rounds there is time.

    ``change`` is head's true relative change of all times, ``tail_change`` that of its slowest 15 % only.
    ``instance_sd`` is the standard deviation of the log ratio of two fresh instances; ``round_correlation``
    that of neighbouring rounds' instances; ``apart`` what the sides drift apart over the rounds, around
    ``change``; ``slower`` how much slower both are at the end. ``slow_moments`` is the standard deviation
    of what neighbouring answers of a side share. ``heavy`` draws instances and answers from Student's t with
    3 degrees of freedom, at the same variance. With ``slots``, each side answers so many requests at once,
    and those of the ``users`` beyond wait.
    """

    name: str
    rounds: int = 20
    change: float = 0.0
    tail_change: float = 0.0
    instance_sd: float = INSTANCE_SD
    jitter: float = JITTER
    heavy: bool = False
    round_correlation: float = 0.0
    apart: float = 0.0
    slower: float = 0.0
    slow_moments: float = 0.0
    error_rates: tuple[float, float] = (0.001, 0.001)
    slots: int = 0
    users: int = 10

    @property
    def is_null(self) -> bool:
        """Whether both sides are the same code."""
        return not (self.change or self.tail_change or self.error_rates[0] != self.error_rates[1])

    @property
    def has_known_effect(self) -> bool:
        """Whether the change of the median is ``change``: a tail does not move it, and queues amplify it."""
        return not self.tail_change and not (self.slots and self.change)


def draw_rounds(scenario: Scenario, rng: np.random.Generator) -> Iterator[Round]:
    """The rounds of one comparison, each drawn and estimated when it is asked for."""
    instances = _instances(scenario, rng)
    for number in range(scenario.rounds):
        yield _round(scenario, number, float(instances[number]), rng)


def _noise(scenario: Scenario, rng: np.random.Generator, size: int | tuple[int, int]) -> Array:
    """Draws of variance 1."""
    return rng.standard_t(3, size=size) / math.sqrt(3) if scenario.heavy else rng.normal(size=size)


def _instances(scenario: Scenario, rng: np.random.Generator) -> Array:
    """How far the two instances of each round lie apart, on log scale."""
    drawn = _correlated(_noise(scenario, rng, (1, scenario.rounds)), scenario.round_correlation)[0]
    drifted: Array = scenario.instance_sd * drawn + np.linspace(-0.5, 0.5, scenario.rounds) * scenario.apart
    return drifted


def _correlated(drawn: Array, correlation: float) -> Array:
    """The rows made autoregressive of order one, their variance kept."""
    if not correlation:
        return drawn
    fresh = math.sqrt(1.0 - correlation**2)
    made = np.empty_like(drawn)
    made[:, 0] = drawn[:, 0]
    for place in range(1, drawn.shape[1]):
        made[:, place] = correlation * made[:, place - 1] + fresh * drawn[:, place]
    return made


def _round(scenario: Scenario, number: int, instance: float, rng: np.random.Generator) -> Round:
    if scenario.slots:
        return _queued_round(scenario, number, instance, rng)
    n = int(rng.integers(FEWEST_PAIRS, MOST_PAIRS + 1))
    first_s = np.sort(rng.uniform(0.0, STEADY_S, n))
    times = TYPICAL_MS * _question_factor(rng.random(n))
    times *= 1.0 + scenario.slower * (number + first_s / STEADY_S) / scenario.rounds
    own = scenario.jitter * _noise(scenario, rng, (2, n))
    if scenario.slow_moments:
        own += scenario.slow_moments * _correlated(rng.normal(size=(2, n)), NEIGHBOURS)
    base, head = times * np.exp(own)
    if scenario.tail_change:
        head = np.where(head > quantile(head, 0.85), head * (1.0 + scenario.tail_change), head)
    head *= math.exp(instance) * (1.0 + scenario.change)
    blocks = block_ids(first_s, BLOCK_S)
    return _drawn(
        number,
        observations=_observations(scenario, base, head, blocks, rng),
        control=_control(scenario, times, base, blocks, rng),
    )


def _queued_round(scenario: Scenario, number: int, instance: float, rng: np.random.Generator) -> Round:
    """A round of two queues: what a pair takes depends on who else waits, so it is played out."""
    n = int(rng.integers(FEWEST_PAIRS, MOST_PAIRS + 1))
    times = (
        TYPICAL_MS * _question_factor(rng.random(n)) * np.exp(scenario.jitter * _noise(scenario, rng, (2, n)))
    )
    asked = ask(
        times,
        head_factor=math.exp(instance) * (1.0 + scenario.change),
        slots=scenario.slots,
        users=scenario.users,
        rng=rng,
    )
    warm = asked.where(asked.first_ms >= np.quantile(asked.first_ms, 1.0 - STEADY_S / LOAD_S))
    pairs, control = warm.where(~warm.is_control), warm.where(warm.is_control)
    observations = _observations(scenario, pairs.one_ms, pairs.other_ms, _blocks(pairs, warm), rng)
    return _drawn(
        number,
        observations=observations,
        control=_control_of(control.one_ms, control.other_ms, _blocks(control, warm)),
    )


def _blocks(asked: Asked, all_of_them: Asked) -> npt.NDArray[np.int64]:
    """A tenth each of the time that the round took."""
    first, last = all_of_them.first_ms.min(), all_of_them.first_ms.max()
    return block_ids((asked.first_ms - first) / 1e3, max((last - first) / 10e3, 1e-3))


def _drawn(number: int, *, observations: tuple[Observation, ...], control: Control | None) -> Round:
    return Round(
        number=number,
        start_s=0.0,
        end_s=LOAD_S,
        boot_s=ROUND_S - LOAD_S,
        swapped=number % 2 == 1,
        observations=observations,
        control=control,
    )


def _question_factor(place: Array) -> Array:
    """What a question costs beside the typical one, as the embedded API has it (0.6 to 1.6, median 1)."""
    return np.where(place < 0.5, 0.6 + 0.8 * place, 0.4 + 1.2 * place)


def _observations(
    scenario: Scenario, base: Array, head: Array, blocks: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[Observation, ...]:
    found = [_latency(P50, base, head, 0.5, paired_median(np.log(head) - np.log(base), blocks))]
    tail = quantile_log_ratio(base, blocks, head, blocks, 0.95)
    if tail is not None:
        found.append(_latency(P95, base, head, 0.95, tail))
    asked = base.size, head.size
    failed = [int(rng.binomial(n, rate)) for n, rate in zip(asked, scenario.error_rates, strict=True)]
    errors = Observation(
        test_type=TYPE,
        metric=ERRORS,
        base=failed[0] / asked[0],
        head=failed[1] / asked[1],
        base_n=asked[0],
        head_n=asked[1],
    )
    return (*found, errors)


def _latency(metric: MetricName, base: Array, head: Array, q: float, estimate: PairedEstimate) -> Observation:
    return Observation(
        test_type=TYPE,
        metric=metric,
        base=quantile(base, q),
        head=quantile(head, q),
        base_n=estimate.n,
        head_n=estimate.n,
        effect=estimate.effect,
        standard_error=estimate.se,
    )


def _control(
    scenario: Scenario,
    times: Array,
    base: Array,
    blocks: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> Control | None:
    """Every tenth question goes to one side twice; what sets the sides apart drops out of either."""
    again = slice(None, None, CONTROL_EVERY)
    twice = times[again] * np.exp(scenario.jitter * _noise(scenario, rng, times[again].size))
    return _control_of(base[again], twice, blocks[again])


def _control_of(own: Array, again: Array, blocks: npt.NDArray[np.int64]) -> Control | None:
    try:
        estimate = paired_median(np.log(again) - np.log(own), blocks)
    except TooFewSamples:
        return None
    return Control(effect=estimate.effect, standard_error=estimate.se, n=estimate.n)
