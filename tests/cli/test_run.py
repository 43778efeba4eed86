"""``govbench run`` when all goes well, and what its verdict does to the exit code."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cli.conftest import SHORT, Cli, Measured, Serve

pytestmark = pytest.mark.load

DOCUMENTS = ("results.json", "environment.json", "report.html", "report.md", "junit.xml", "samples")
SUITE_FILES = ("scalability_test_results_*.json", "performance_metrics_*.json", "token_usage_*.json")


def test_a_run_leaves_every_file_and_ends_with_0(measured_once: Measured) -> None:
    (folder,) = measured_once.folder.glob("results/*Z-*")

    assert measured_once.ended.code == 0, measured_once.ended.err
    assert [name for name in DOCUMENTS if not (folder / name).stat().st_size] == []
    for pattern in SUITE_FILES:
        (path,) = folder.glob(pattern)
        assert json.loads(path.read_text())
    assert not list(folder.glob("*.part"))


def test_latest_points_to_the_run(measured_once: Measured) -> None:
    (folder,) = measured_once.folder.glob("results/*Z-*")

    assert (measured_once.folder / "results" / "latest").resolve() == folder.resolve()


def test_the_document_says_what_was_measured(measured_once: Measured) -> None:
    (folder,) = measured_once.folder.glob("results/*Z-*")
    document = json.loads((folder / "results.json").read_text())
    accounting = document["summary"]["accounting"]

    assert document["summary"]["run"]["status"] == "completed"
    assert document["comparison"]["verdict"] == "no_baseline"
    assert accounting["ok"] == accounting["sent"] > 0
    assert document["summary"]["provenance"]["dirty"] is False
    assert {result["test_type"] for result in document["summary"]["test_types"]} == {"baseline", "concurrent"}


def test_stdout_holds_the_answer_and_stderr_the_way_to_it(measured_once: Measured) -> None:
    ended = measured_once.ended

    assert "no baseline" in ended.out
    assert "booting" not in ended.out
    assert "booting embedded" in ended.err
    assert "concurrent_6" in ended.err
    assert "\x1b[" not in ended.out + ended.err


def test_a_missed_threshold_makes_it_1(govbench: Cli, embedded_url: str) -> None:
    (govbench.cwd / "govbench.toml").write_text("[thresholds]\nresponse_time_p50_ms = 1\n")

    ended = govbench("run", embedded_url, *SHORT, "--quiet")

    assert ended.code == 1, ended.err
    assert ended.err == ""
    document = govbench.document
    assert document["comparison"]["verdict"] == "regression"
    states = {result["metric"]: result["state"] for result in document["comparison"]["thresholds"]}
    assert states == {"response_time_p50_ms": "missed", "error_rate": "met"}


def test_a_target_that_fails_nine_in_ten_makes_it_1_and_is_not_stored(govbench: Cli) -> None:
    """Without a baseline and without a bound of anybody's."""
    govbench.commit_all()
    ended = govbench("run", "embedded:errors=0.9", *SHORT, "--fail-on", "none")

    assert ended.code == 1, ended.out + ended.err
    words = " ".join(ended.out.replace("│", " ").split())
    assert "error rate of test type baseline is" in words
    assert "above its bound of 5.00 % (the default of thresholds.error_rate)" in words
    assert "requests failed, all with http_5xx" in words
    junit = (govbench.cwd / "results" / "latest" / "junit.xml").read_text()
    assert 'failures="1" errors="0"' in junit

    stored = govbench("baseline", "update")
    assert stored.code == 4
    assert "missed a threshold, error rate of test type baseline is" in stored.complaint


def test_a_bound_of_the_file_takes_the_place_of_the_default(govbench: Cli) -> None:
    (govbench.cwd / "govbench.toml").write_text("[thresholds]\nerror_rate = 0.99\n")
    ended = govbench("run", "embedded:errors=0.5", *SHORT, "--quiet")

    assert ended.code == 0, ended.out + ended.err
    (threshold,) = govbench.document["comparison"]["thresholds"]
    assert (threshold["bound"], threshold["state"], threshold["default"]) == (0.99, "met", False)


def test_a_bound_that_cannot_be_measured_makes_it_3_unless_ignored(govbench: Cli, embedded_url: str) -> None:
    """The memory of what is behind a URL is not ours to see."""
    file = govbench.cwd / "govbench.toml"
    file.write_text('[thresholds]\nmemory_peak_bytes = "1GiB"\n')
    ended = govbench("run", embedded_url, *SHORT, "--quiet", "--fail-on", "none")
    assert ended.code == 3, ended.out + ended.err
    *_, bound, verdict = ended.out.splitlines()
    assert "was not measured, so nothing is known of its bound of 1.00 GiB" in bound
    assert verdict.startswith("! invalid · exit code 3: ")

    file.write_text('[thresholds]\nmemory_peak_bytes = "1GiB"\non_not_measured = "ignore"\n')
    assert govbench("compare", "--fail-on", "none").code == 0
    file.write_text("")
    assert govbench("compare", "--fail-on", "none", env={"MAX_MEMORY_MB": "1024"}).code == 0


def test_a_quick_run_judges_a_bound_on_a_p95(govbench: Cli, embedded_url: str) -> None:
    """Too few answers for a p95 that two runs are compared by, and enough for a bound."""
    (govbench.cwd / "govbench.toml").write_text("[thresholds]\nresponse_time_p95_ms = 5\n")
    ended = govbench("run", embedded_url, *SHORT, "--quiet")

    assert ended.code == 1, ended.out + ended.err
    bound = govbench.document["comparison"]["thresholds"][0]
    assert (bound["state"], bound["failed"]) == ("missed", 0)
    assert 20 <= bound["n"] < 200
    assert bound["value"] > 5


def test_fail_on_no_baseline(govbench: Cli, embedded_url: str) -> None:
    ended = govbench("run", embedded_url, *SHORT, "--fail-on", "no_baseline")

    assert ended.code == 1, ended.err
    assert govbench.document["comparison"]["verdict"] == "no_baseline"


def test_a_stored_baseline_is_compared_with(measured: Cli) -> None:
    stored = measured("baseline", "update")
    assert stored.code == 0, stored.err

    ended = measured("compare", "--json", "--fail-on", "regression")
    comparison = json.loads(ended.out)["comparison"]

    assert ended.code == 0, ended.err
    assert comparison["baseline"]["distance"] == 0
    assert comparison["verdict"] not in {"regression", "no_baseline"}
    changes = [finding["change"] for finding in comparison["findings"] if finding["change"]]
    # A stored number has six digits.
    assert [change["estimate"] for change in changes] == pytest.approx([0] * len(changes), abs=1e-5)
    assert changes


def test_nothing_in_the_steady_segment_is_never_a_pass(govbench: Cli, serve: Serve) -> None:
    ended = govbench("run", serve("good"), *SHORT, "--max-requests", "1", "--fail-on", "regression")

    # It fell into the warm-up, so nothing was measured: never a pass, whatever --fail-on leaves out.
    assert ended.code == 3, ended.out + ended.err
    assert govbench.document["comparison"]["verdict"] == "invalid"
    assert govbench.document["summary"]["accounting"]["sent"] == 1
    assert any("limit of 1 requests" in text for text in govbench.document["summary"]["warnings"])


def test_a_target_that_never_answers_in_time_is_not_measured(govbench: Cli, serve: Serve) -> None:
    ended = govbench("run", serve("slow"), *SHORT, "--api-timeout", "300ms")

    assert ended.code == 3, ended.out + ended.err
    assert "does not answer in time" in ended.err
    document = govbench.document
    assert document["comparison"]["verdict"] == "invalid"
    assert "no request of the run succeeded" in document["comparison"]["reason"]
    assert "timeout: " in document["summary"]["warnings"][0]
    assert set(document["summary"]["accounting"]["errors"]) == {"timeout"}
    endings = [end for phase in document["summary"]["phases"] for end in phase["endings"]]
    assert {(end["outcome"], end["status"], end["example"]) for end in endings} == {
        ("timeout", None, "no whole answer within the deadline")
    }
    assert govbench.sample_count() == document["summary"]["accounting"]["sent"]


@pytest.mark.slow
def test_a_stack_that_ends_under_load_is_not_measured(govbench: Cli) -> None:
    script = govbench.cwd / "app.sh"
    script.write_text('timeout 4 "$1" -m govbench.demo --port "$2"\n')
    ended = govbench("run", f"command:sh {script} {sys.executable} {{port}}", *SHORT)

    assert ended.code == 3, ended.out + ended.err
    assert govbench.document["summary"]["run"]["status"] == "failed"
    assert "during the run" in " ".join(ended.out.replace("│", " ").split())
    assert "during the run" in govbench.document["comparison"]["fault"]
    assert govbench.sample_count() > 0
