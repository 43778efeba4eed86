"""Stored results and baselines that cannot be used, and places that cannot be written."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import SHORT, Cli, Ended

pytestmark = pytest.mark.load

Damage = Callable[[str], str]


def edited(**run: object) -> Damage:
    def edit(text: str) -> str:
        document = json.loads(text)
        document["summary"]["run"].update(run)
        return json.dumps(document)

    return edit


def of(part: str, **fields: object) -> Damage:
    def edit(text: str) -> str:
        document = json.loads(text)
        document["summary"][part].update(fields)
        return json.dumps(document)

    return edit


def with_schema(version: int) -> Damage:
    return lambda text: json.dumps({**json.loads(text), "schema_version": version})


def complaint_2(ended: Ended) -> str:
    assert ended.code == 2, ended.err
    assert ended.out == ""
    return ended.complaint


DAMAGES = pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(lambda text: "", "the file is empty", id="empty"),
        pytest.param(lambda text: text[: len(text) // 2], "not valid JSON at line", id="truncated"),
        pytest.param(with_schema(99), "schema version 99", id="schema"),
        pytest.param(edited(status="asleep"), "summary.run.status", id="field"),
        pytest.param(edited(id="::error::pwned"), "summary.run.id: holds what a CI job", id="a command"),
        pytest.param(edited(id="a/../b"), "summary.run.id: must be a name", id="no name"),
        pytest.param(
            edited(started_at="yesterday"), "summary.run.started_at: 'yesterday' is no time", id="no time"
        ),
        pytest.param(
            edited(suite_version="v\x1b[2J"), "summary.run.suite_version: holds char", id="an escape"
        ),
        pytest.param(
            edited(region="here\n| x |"), "summary.run.region: must be a single line", id="two lines"
        ),
        pytest.param(edited(note="so\n::error::pwned"), "summary.run.note: holds what a CI job", id="a line"),
        pytest.param(edited(govbench_version="0\u202e1"), "summary.run.govbench_version: hol", id="turned"),
        pytest.param(edited(profile="x" * 300), "summary.run.profile: must be a name", id="long"),
        pytest.param(of("provenance", commit="HEAD"), "summary.provenance.commit: must be", id="no commit"),
        pytest.param(of("provenance", branch="a\nb"), "summary.provenance.branch: must be", id="branch"),
        pytest.param(of("environment", os="Linux\x07"), "summary.environment.os: holds char", id="a bell"),
        pytest.param(of("environment", machine_class="<b>"), "environment.machine_class: must", id="class"),
        pytest.param(lambda text: '{"name": "other"}', "not a govbench result", id="other document"),
    ],
)


@DAMAGES
def test_a_result_that_cannot_be_used(measured: Cli, damage: Damage, words: str) -> None:
    path = measured.folder / "results.json"
    path.write_text(damage(path.read_text()))

    for arguments in (("report", str(path)), ("compare", str(path), str(path)), ("baseline", "update")):
        complaint = complaint_2(measured.here(*arguments))
        assert "results.json" in complaint
        assert words in complaint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("profile", "::error::x"),
        ("suite_version", "\x1b[2J"),
        ("run_id", "x\n::error::x"),
        ("govbench_version", "a b"),
        ("measured_at", "2026-01-31\n09:30:00Z"),
        ("commit", "f" * 39),
        ("accepted", "fine ::error::x"),
    ],
)
def test_a_baseline_with_text_that_may_not_be(measured: Cli, key: str, value: str) -> None:
    assert measured.here("baseline", "update").code == 0
    path, entry = entry_of(measured)
    path.write_text(json.dumps({**entry, key: value}))

    complaint = complaint_2(measured.here("baseline", "list"))

    assert path.name in complaint
    assert key in complaint
    for call in (("compare",), ("compare", "--markdown"), ("compare", "--junit"), ("compare", "--html")):
        ended = measured.here(*call)
        assert "\x1b" not in ended.out + ended.err
        assert not [line for line in (ended.out + ended.err).splitlines() if line.lstrip().startswith("::")]


def test_results_of_two_suites(measured: Cli) -> None:
    path = measured.folder / "results.json"
    (measured.cwd / "other.json").write_text(edited(suite="search")(path.read_text()))

    complaint = complaint_2(measured.here("compare", "other.json", str(path)))

    assert "'search'" in complaint
    assert "'default'" in complaint


def test_samples_that_are_missing_or_damaged(measured: Cli) -> None:
    samples = measured.folder / "samples"
    samples.write_bytes(samples.read_bytes()[:10])
    assert "samples" in measured.here("report", "--csv").complaint
    samples.unlink()

    ended = measured.here("report", "--csv")

    assert ended.code == 2
    assert "samples: no such file" in ended.complaint


def test_two_results_are_compared_without_a_repository(measured: Cli) -> None:
    shutil.rmtree(measured.cwd / ".git")

    ended = measured.here(
        "compare", str(measured.folder), str(measured.folder), "--json", "--fail-on", "regression"
    )

    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["comparison"]["baseline"] is not None


def test_no_baseline(measured: Cli) -> None:
    ended = measured.here("compare")

    assert ended.code == 0, ended.err
    assert "first measurement on" in " ".join(ended.out.replace("│", "").split())
    assert ended.out.splitlines()[-1].startswith("○ no baseline · exit code 0: ")


def entry_of(govbench: Cli) -> tuple[Path, dict[str, Any]]:
    (path,) = govbench.cwd.glob("baselines/*/*/*.json")
    entry: dict[str, Any] = json.loads(path.read_text())
    return path, entry


def test_a_baseline_of_another_machine_class_is_named(measured: Cli) -> None:
    assert measured.here("baseline", "update").code == 0
    path, entry = entry_of(measured)
    machine_class = entry["environment"]["machine_class"]
    other = measured.cwd / "baselines" / "default" / "other-machine"
    other.mkdir()
    (other / path.name).write_text(path.read_text().replace(machine_class, "other-machine"))
    path.unlink()

    ended = measured.here("compare", "--json")

    comparison = json.loads(ended.out)["comparison"]
    assert comparison["verdict"] == "no_baseline"
    assert "other-machine" in comparison["reason"]


@pytest.mark.parametrize("damage", [lambda text: "", lambda text: text[:200], lambda text: "{}"])
def test_a_baseline_that_cannot_be_read(measured: Cli, damage: Damage) -> None:
    assert measured.here("baseline", "update").code == 0
    path, _ = entry_of(measured)
    path.write_text(damage(path.read_text()))

    ended = measured.here("compare", "--json")

    comparison = json.loads(ended.out)["comparison"]
    assert comparison["verdict"] == "not_comparable"
    assert path.name in " ".join([comparison["reason"], *comparison["notes"]])
    assert path.name in complaint_2(measured.here("baseline", "list"))


def test_no_commit_to_look_up_without_a_repository(measured: Cli) -> None:
    shutil.rmtree(measured.cwd / ".git")

    assert "not in a git repository" in complaint_2(measured.here("compare", "baseline:main"))
    ended = measured.here("baseline", "update")
    assert ended.code == 4
    assert "not in a git repository" in ended.complaint


def test_an_unknown_ref(measured: Cli) -> None:
    assert "no-such-branch" in complaint_2(measured.here("compare", "baseline:no-such-branch"))


def test_a_run_of_a_dirty_tree_is_not_stored(measured: Cli) -> None:
    path = measured.folder / "results.json"
    path.write_text(path.read_text().replace('"dirty": false', '"dirty": true'))

    ended = measured.here("baseline", "update")

    assert ended.code == 4
    assert "uncommitted changes" in ended.complaint
    assert not (measured.cwd / "baselines").exists()
    assert measured.here("baseline", "update", "--allow-dirty").code == 0


def test_an_interrupted_run_is_not_stored(measured: Cli) -> None:
    path = measured.folder / "results.json"
    path.write_text(edited(status="interrupted")(path.read_text()))

    ended = measured.here("baseline", "update")

    assert ended.code == 4
    assert "interrupted" in ended.complaint


def test_a_baseline_is_not_committed_without_an_author(measured: Cli) -> None:
    ended = measured.here("baseline", "update", "--commit")

    assert ended.code == 4
    assert "no author" in ended.complaint
    assert not (measured.cwd / "baselines").exists()


def test_a_folder_for_baselines_that_is_a_file(measured: Cli) -> None:
    (measured.cwd / "baselines").write_text("a file")

    ended = measured.here("baseline", "update")

    assert ended.code == 4
    assert "cannot be written" in ended.complaint


def test_a_place_that_does_not_exist(measured: Cli) -> None:
    ended = measured.here("report", "--html", "--to", "missing/report.html")

    assert ended.code == 4
    assert "missing/report.html: cannot be written" in ended.complaint


def limited(govbench: Cli, most_bytes: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that can write no file beyond that size, as on a disk that is full."""
    return subprocess.run(
        [sys.executable, "-m", "govbench", *arguments],
        cwd=govbench.cwd,
        env=govbench.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
    )


def test_a_disk_that_is_full_before_the_load(govbench: Cli, embedded_url: str) -> None:
    ended = limited(govbench, 100_000, "run", embedded_url, *SHORT)

    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "File too large" in ended.stderr


def test_a_report_that_does_not_fit_leaves_the_old_one_whole(measured: Cli) -> None:
    (measured.cwd / "report.html").write_text("the old one")

    ended = limited(measured, 5_000, "report", "--html", "--to", "report.html")

    assert ended.returncode == 4, ended.stderr
    assert "report.html: cannot be written: File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert (measured.cwd / "report.html").read_text() == "the old one"
    assert not list(measured.cwd.glob(".report*"))


def twice_as_fast(text: str) -> str:
    """The document, with every time of its test types halved."""
    document = json.loads(text)
    for test_type in document["summary"]["test_types"]:
        for metric in test_type["metrics"]:
            if metric["name"].endswith("_ms"):
                metric |= {key: metric[key] and metric[key] / 2 for key in ("value", "low", "high")}
    return json.dumps(document)


def test_a_regression_that_is_meant(measured: Cli) -> None:
    path = measured.folder / "results.json"
    (measured.cwd / "fast.json").write_text(twice_as_fast(path.read_text()))
    call = ("compare", "fast.json", str(path), "--json", "--fail-on", "regression")

    refused = measured.here(*call)
    accepted = measured.here(*call, "--accept", "all answers are checked since")
    misspelt = measured.here(*call, "--accept", "respons_time_p50_ms answers are checked since")

    assert (refused.code, json.loads(refused.out)["comparison"]["verdict"]) == (1, "regression")
    assert accepted.code == 0, accepted.err
    found = json.loads(accepted.out)["comparison"]["findings"]
    texts = {f["accepted"] for f in found if f["verdict"] == "regression" and f["gated"]}
    assert texts == {"by --accept: answers are checked since"}
    assert "did you mean response_time_p50_ms?" in misspelt.err
    assert complaint_2(misspelt).startswith("govbench: --accept accepts what is not there")


def test_a_regression_that_a_commit_accepts(measured: Cli) -> None:
    path = measured.folder / "results.json"
    message = "checks\n\nGovbench-Accept: response_time_p50_ms answers are checked since"
    measured.git(
        *("-c", "user.name=Ada", "-c", "user.email=ada@example.org"),
        *("commit", "-q", "--allow-empty", "-m", message),
    )
    head = measured.git("rev-parse", "HEAD")
    document = json.loads(path.read_text())
    (measured.cwd / "fast.json").write_text(twice_as_fast(json.dumps(document)))
    document["summary"]["provenance"]["commit"] = head
    path.write_text(json.dumps(document))

    ended = measured.here("compare", "fast.json", str(path), "--fail-on", "regression")

    assert ended.code == 0, ended.err
    assert "✗ regression (accepted)" in ended.out
    assert f"Accepted by commit {head[:9]}: answers are checked since" in " ".join(ended.out.split())
