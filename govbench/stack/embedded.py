"""What an instance of the embedded API reports of itself: the truth that a measurement is held against."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import httpx

from govbench.errors import StackError
from govbench.results.run import SliceWindow


def own_median_ms(url: str, windows: Sequence[SliceWindow]) -> float | None:
    """The instance's own median service time in ms: the mean over ``windows`` of the median in each.

    None where it served nothing in any of them.

    Raises:
        StackError: it does not answer.
    """
    medians = []
    for window in windows:
        try:
            # No proxy of the environment: the instance is asked straight, as the load asks it.
            reply = httpx.get(
                f"{url}/metrics.json",
                params={"start": window.start_s, "end": window.end_s},
                trust_env=False,
            )
            body = reply.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise StackError(
                f"the embedded API at {url} does not report its service times: {error}"
            ) from error
        if body["count"]:
            medians.append(body["median_ms"])
    return statistics.fmean(medians) if medians else None
