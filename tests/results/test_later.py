from __future__ import annotations

import json

from govbench.results import codec
from govbench.results.comparison import Results
from govbench.results.later import without_unknown
from tests.pipeline.conftest import made_summary


def test_what_nobody_here_knows_is_left_out_of_lists() -> None:
    body = {
        "findings": [
            {"metric": "speed"},
            {"metric": "error_rate", "test_type": "nonsense"},
            {"metric": None},
        ],
        "metrics": [{"name": "speed", "value": 1, "n": 2}, {"name": "error_rate", "value": 0, "n": 2}],
        "targets": [{"name": "candidate", "form": "embedded"}, "text", 5],
    }

    assert without_unknown(body) == {
        "findings": [{"metric": None}],
        "metrics": [{"name": "error_rate", "value": 0, "n": 2}],
        "targets": body["targets"],
    }


def test_results_of_a_later_govbench_are_read_without_what_it_knows_more() -> None:
    results = Results(summary=made_summary())
    body = json.loads(codec.to_json(results))
    (test_type,) = body["summary"]["test_types"]
    test_type["metrics"].append({"name": "speed", "value": 1.0, "n": 600})
    body["summary"]["test_types"].append({**test_type, "test_type": "nonsense"})
    body["summary"]["colour"] = "red"

    assert codec.from_json(json.dumps(body), source="results.json") == results
