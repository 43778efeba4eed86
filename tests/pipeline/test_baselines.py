from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from git import Repo

from govbench.compare.acceptance import parse_acceptance
from govbench.compare.compare import without_baseline
from govbench.compare.confirmation import again_of
from govbench.config.settings import CompareConfig, Settings, Threshold
from govbench.errors import PublishError, ResultsError
from govbench.pipeline.baselines import compare_with_baseline, store_run
from govbench.pipeline.stored import read_everything
from govbench.results.comparison import Comparison, Results, Verdict
from govbench.results.metrics import MetricName
from govbench.results.run import Provenance, RunStatus, RunSummary
from tests.pipeline.conftest import MACHINE, made_summary

SETTINGS = Settings()


def at(repo: Repo, ref: str = "HEAD", **changes: Any) -> RunSummary:
    """A run measured at a commit of the repository."""
    commit = repo.commit(ref)
    summary = made_summary(commit=commit.hexsha, **changes)
    when = commit.committed_datetime.isoformat()
    run = replace(summary.run, id=f"20260131T093000Z-{commit.hexsha[:6]}")
    return replace(summary, run=run, provenance=replace(summary.provenance, committed_at=when))


def judged(summary: RunSummary) -> Results:
    return Results(summary=summary, comparison=without_baseline(summary, "none", CompareConfig()))


def stored(repo: Repo, cwd: Path, ref: str = "HEAD", **changes: Any) -> None:
    store_run(judged(at(repo, ref, **changes)), SETTINGS, cwd, commit=False)


def compared(summary: RunSummary, settings: Settings, cwd: Path, **more: Any) -> Comparison:
    """As ``govbench run`` comes to it: what was suspect was measured again, and was the same."""
    return compare_with_baseline(summary, settings, cwd, again=again_of(summary), **more)


def test_without_any_the_place_and_the_machine_are_named(summary: RunSummary, cwd: Path) -> None:
    comparison = compared(summary, SETTINGS, cwd)

    assert comparison.verdict is Verdict.NO_BASELINE
    assert comparison.reason == f"no baseline of suite default for {MACHINE} in baselines"


def test_without_a_repository_there_is_no_baseline_either(summary: RunSummary, tmp_path: Path) -> None:
    comparison = compared(summary, SETTINGS, tmp_path)
    assert comparison.verdict is Verdict.NO_BASELINE
    assert "there is none around this folder" in comparison.reason


def test_another_machine_class_is_named(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd)
    summary = at(repo)
    elsewhere = replace(summary, environment=replace(summary.environment, machine_class="other-machine"))

    comparison = compared(elsewhere, SETTINGS, cwd)

    assert comparison.verdict is Verdict.NO_BASELINE
    assert comparison.reason.endswith(f"; there are some for {MACHINE}")


def test_another_plan_is_not_comparable(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd)

    comparison = compared(at(repo, suite_version="v2"), SETTINGS, cwd)

    assert comparison.verdict is Verdict.NOT_COMPARABLE


@pytest.mark.parametrize(("p50_ms", "verdict"), [(40.0, Verdict.REGRESSION), (10.0, Verdict.IMPROVEMENT)])
def test_a_change_is_found(repo: Repo, cwd: Path, p50_ms: float, verdict: Verdict) -> None:
    stored(repo, cwd)

    comparison = compared(at(repo, p50_ms=p50_ms), SETTINGS, cwd)

    assert verdict in {finding.verdict for finding in comparison.findings}
    assert (comparison.verdict is Verdict.REGRESSION) == (verdict is Verdict.REGRESSION)


def test_the_reference_is_the_nearest_measured_ancestor(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd, "HEAD~1")

    comparison = compared(at(repo), SETTINGS, cwd)

    assert comparison.baseline is not None
    assert comparison.baseline.commit == repo.commit("HEAD~1").hexsha
    assert comparison.baseline.distance == 1


def test_baselines_that_came_after_the_checked_out_commit_are_left_out(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd, "HEAD~1")
    stored(repo, cwd, "HEAD")
    earlier = repo.commit("HEAD~1").hexsha
    repo.git.checkout("-q", earlier)

    comparison = compared(at(repo), SETTINGS, cwd)

    assert comparison.baseline is not None
    assert (comparison.baseline.commit, comparison.baseline.distance) == (earlier, 0)


def test_the_measured_commit_counts_and_not_the_checked_out_one(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd, "HEAD~1")
    stored(repo, cwd, "HEAD")

    earlier = compared(at(repo, "HEAD~1"), SETTINGS, cwd).baseline
    foreign = compared(made_summary(commit="f" * 40), SETTINGS, cwd).baseline

    assert earlier is not None
    assert earlier.commit == repo.commit("HEAD~1").hexsha
    assert foreign is not None
    assert foreign.commit == repo.commit("HEAD").hexsha


def test_baselines_of_a_ref_and_not_of_the_work_tree(repo: Repo, cwd: Path) -> None:
    entry, result = store_run(judged(at(repo)), SETTINGS, cwd, commit=True)
    assert result.commit_sha == repo.head.commit.hexsha
    result.path.unlink()

    assert compared(at(repo), SETTINGS, cwd).verdict is Verdict.NO_BASELINE
    comparison = compared(at(repo), SETTINGS, cwd, ref="main")

    assert comparison.baseline is not None
    assert comparison.baseline.run_ids == (entry.run_id,)


def test_an_unknown_ref(repo: Repo, cwd: Path) -> None:
    with pytest.raises(ResultsError, match="no-such-branch"):
        compared(at(repo), SETTINGS, cwd, ref="no-such-branch")


def test_a_run_is_stored_and_committed_alone(repo: Repo, cwd: Path) -> None:
    (cwd / "app.py").write_text("being edited\n")

    _, result = store_run(judged(at(repo)), SETTINGS, cwd)

    assert repo.git.show("--name-only", "--format=", "HEAD") == str(result.path.relative_to(cwd))
    assert repo.is_dirty()


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"status": RunStatus.INTERRUPTED}, "interrupted"), ({"status": RunStatus.FAILED}, "failed")],
)
def test_a_run_that_did_not_end_well_is_refused(
    repo: Repo, cwd: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(PublishError, match=words):
        store_run(judged(at(repo, **changes)), SETTINGS, cwd)

    assert not (cwd / "baselines").exists()


def test_a_run_of_a_dirty_tree_is_refused_unless_allowed(repo: Repo, cwd: Path) -> None:
    summary = at(repo)
    dirty = replace(summary, provenance=replace(summary.provenance, dirty=True))

    with pytest.raises(PublishError, match="uncommitted changes"):
        store_run(judged(dirty), SETTINGS, cwd)

    assert store_run(judged(dirty), SETTINGS, cwd, allow_dirty=True)[1].path.exists()


def test_a_regressed_run_needs_a_reason(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd, "HEAD~1")
    summary = at(repo, p50_ms=40.0)
    regressed = Results(summary=summary, comparison=compared(summary, SETTINGS, cwd))

    with pytest.raises(PublishError, match="regression"):
        store_run(regressed, SETTINGS, cwd)

    entry, _ = store_run(regressed, SETTINGS, cwd, accepted="a better model", anchor="v1.0")
    assert (entry.accepted, entry.anchor) == ("a better model", "v1.0")


def test_a_run_of_two_stacks_is_refused(repo: Repo, cwd: Path) -> None:
    summary = at(repo)

    with pytest.raises(PublishError, match="two stacks"):
        store_run(judged(replace(summary, targets=summary.targets * 2)), SETTINGS, cwd)


def test_a_run_of_no_commit_is_refused(repo: Repo, cwd: Path) -> None:
    with pytest.raises(PublishError):
        store_run(judged(replace(at(repo), provenance=Provenance())), SETTINGS, cwd)


# Acceptance.


def say(repo: Repo, message: str) -> None:
    """An empty commit, a day after the one before: commits of one second have no order."""
    at = repo.head.commit.committed_datetime + timedelta(days=1)
    with repo.git.custom_environment(GIT_COMMITTER_DATE=at.isoformat()):
        repo.git.commit("-q", "--allow-empty", "-m", message)


def accepting(repo: Repo, *values: str) -> None:
    trailers = "\n".join(f"Govbench-Accept: {value}" for value in values)
    say(repo, f"slower on purpose\n\n{trailers}")


def test_a_regression_that_a_commit_accepts(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd)
    accepting(repo, "response_time_p50_ms a better model")
    say(repo, "and one more")

    comparison = compared(at(repo, p50_ms=40.0), SETTINGS, cwd)

    short = repo.commit("HEAD~1").hexsha[:9]
    assert comparison.verdict is not Verdict.REGRESSION
    assert comparison.accepted == (f"by commit {short}: a better model",)


def test_what_was_accepted_before_the_baseline_is_of_no_use(repo: Repo, cwd: Path) -> None:
    accepting(repo, "all a better model")
    say(repo, "measured")
    stored(repo, cwd)
    say(repo, "slower")

    assert compared(at(repo, p50_ms=40.0), SETTINGS, cwd).verdict is Verdict.REGRESSION


def test_a_trailer_that_cannot_be_understood_is_told(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd)
    accepting(repo, "response_time_p05_ms a better model", "all")

    comparison = compared(at(repo, p50_ms=40.0), SETTINGS, cwd)

    short = repo.head.commit.hexsha[:9]
    assert comparison.verdict is Verdict.REGRESSION
    assert f"commit {short} accepts what is not there: 'response_time_p05_ms'" in comparison.notes[-2]
    assert "did you mean response_time_p" in comparison.notes[-2]
    assert comparison.notes[-1].startswith(f"commit {short} accepts 'all' without a reason")


def test_acceptances_from_elsewhere(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd)
    label = parse_acceptance("all agreed", source="label")

    comparison = compared(at(repo, p50_ms=40.0), SETTINGS, cwd, acceptances=[label])

    assert comparison.accepted == ("by label: agreed",)


def test_an_accepted_run_is_stored_and_begins_a_new_level(repo: Repo, cwd: Path) -> None:
    config = replace(SETTINGS, compare=replace(SETTINGS.compare, between_run_sd=0.01))
    stored(repo, cwd)
    accepting(repo, "response_time_p50_ms a better model")
    slow = at(repo, p50_ms=40.0)
    judged_slow = Results(summary=slow, comparison=compared(slow, config, cwd))

    entry, _ = store_run(judged_slow, config, cwd, commit=False)

    short = repo.head.commit.hexsha[:9]
    assert (entry.verdict, entry.accepted) == (Verdict.REGRESSION, f"by commit {short}: a better model")
    say(repo, "next")
    after = compared(at(repo, p50_ms=40.0), config, cwd)
    assert after.verdict is Verdict.PASS
    assert after.accepted == ()
    medians = [f.baseline for f in after.findings if f.metric is MetricName.RESPONSE_TIME_P50]
    assert [median.value for median in medians if median] == [40.0]


def test_an_accepted_regression_does_not_store_what_else_is_wrong(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd)
    accepting(repo, "response_time_p50_ms a better model")
    slow = at(repo, p50_ms=40.0)
    bound = Threshold(metric=MetricName.RESPONSE_TIME_P50, bound=30.0, source="govbench.toml")
    comparison = compared(slow, replace(SETTINGS, thresholds=(bound,)), cwd)
    assert comparison.accepted

    with pytest.raises(
        PublishError,
        match=r"missed a threshold, p50 of test type baseline is 40\.0 ms, above its bound of 30\.0 ms",
    ):
        store_run(Results(summary=slow, comparison=comparison), SETTINGS, cwd)


def test_a_drift_from_an_anchor_that_left_the_window(repo: Repo, cwd: Path) -> None:
    config = replace(SETTINGS, baselines=replace(SETTINGS.baselines, window=1))
    store_run(judged(at(repo)), config, cwd, anchor="v1.0", commit=False)
    say(repo, "slower, a little at a time")
    store_run(judged(at(repo, p50_ms=30.0)), config, cwd, commit=False)

    comparison = compared(at(repo, p50_ms=30.0), config, cwd)

    assert comparison.verdict is not Verdict.REGRESSION
    assert any(note.startswith("Against anchor v1.0 (") for note in comparison.notes)


def test_a_run_that_nothing_could_be_compared_with_is_not_stored_unless_accepted(
    repo: Repo, cwd: Path
) -> None:
    """Every later run would be invalid beside it; the refusal says how long a phase would do."""
    few = at(repo, p50_ms=20.0)
    types = tuple(
        replace(t, metrics=tuple(replace(metric, n=25) for metric in t.metrics)) for t in few.test_types
    )
    results = Results(summary=replace(few, test_types=types))
    with pytest.raises(PublishError, match="response time p50 of baseline has 25 of 30 samples") as refused:
        store_run(results, SETTINGS, cwd)
    assert "--test-duration" in (refused.value.hint or "")
    entry, _ = store_run(results, SETTINGS, cwd, accepted="a slow model, and we know")
    assert entry.accepted == "a slow model, and we know"


# Nothing measured is lost.


def test_an_entry_that_cannot_be_used_is_told_and_the_others_compare(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd, "HEAD~1")
    stored(repo, cwd, "HEAD")
    newest = max(
        (cwd / "baselines").rglob("*-quick.json"), key=lambda file: repo.head.commit.hexsha[:9] in file.name
    )
    newest.write_text(newest.read_text().replace('"schema_version": 1', '"schema_version": 99'))

    comparison = compare_with_baseline(at(repo), SETTINGS, cwd)

    assert comparison.baseline is not None
    assert comparison.baseline.commit == repo.commit("HEAD~1").hexsha
    assert any(f"{newest.name}: schema_version 99" in note for note in comparison.notes)


def test_where_no_entry_can_be_used_nothing_compares_and_the_reason_is_told(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd)
    (file,) = (cwd / "baselines").rglob("*-quick.json")
    file.write_text("<<<<<<< HEAD")
    calibration = file.with_name("calibration.json")
    calibration.write_text("{")

    comparison = compare_with_baseline(at(repo), SETTINGS, cwd)

    assert comparison.verdict is Verdict.NOT_COMPARABLE
    assert f"{file.name}: not valid JSON" in comparison.reason


def test_what_was_read_before_the_load_is_what_counts(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd)
    before = read_everything(SETTINGS, cwd, "default", MACHINE)
    for file in (cwd / "baselines").rglob("*.json"):
        file.write_text("damaged meanwhile")

    comparison = compare_with_baseline(at(repo), SETTINGS, cwd, stored=before)

    assert comparison.baseline is not None
    assert comparison.baseline.distance == 0


def test_the_reference_is_one_that_compares(repo: Repo, cwd: Path) -> None:
    """The trailers since then are read, whatever else was stored later."""
    stored(repo, cwd, "HEAD~1")
    stored(repo, cwd, "HEAD", suite_version="another")

    comparison = compare_with_baseline(at(repo), SETTINGS, cwd)

    assert comparison.baseline is not None
    assert comparison.baseline.commit == repo.commit("HEAD~1").hexsha


def test_a_repository_that_git_refuses_is_told(
    repo: Repo, cwd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(repo, cwd)
    summary = at(repo)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    notes = " ".join(compare_with_baseline(summary, SETTINGS, cwd).notes)

    assert "All stored runs count: git refuses to read the repository" in notes
    assert "What commits accept was not read: git refuses" in notes


def test_a_regression_is_remembered_and_the_next_run_is_one_until_it_is_mended(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd, "HEAD~1")
    summary = at(repo, p50_ms=40.0)
    regressed = Results(summary=summary, comparison=compared(summary, SETTINGS, cwd))

    entry, _ = store_run(regressed, SETTINGS, cwd, commit=False, remember=True)

    assert entry.accepted is None
    assert "baseline/response_time_p50_ms" in entry.suspects
    say(repo, "another commit")
    after = compared(at(repo, p50_ms=36.0), SETTINGS, cwd)
    assert after.verdict is Verdict.REGRESSION
    assert f"it regressed with {entry.commit[:9]}, and is neither mended nor accepted" in after.reason
    assert compared(at(repo), SETTINGS, cwd).verdict is not Verdict.REGRESSION


def test_what_missed_a_threshold_is_not_remembered(repo: Repo, cwd: Path) -> None:
    stored(repo, cwd, "HEAD~1")
    bound = Threshold(metric=MetricName.RESPONSE_TIME_P50, bound=30.0, source="govbench.toml")
    settings = replace(SETTINGS, thresholds=(bound,))
    summary = at(repo, p50_ms=40.0)
    regressed = Results(summary=summary, comparison=compared(summary, settings, cwd))

    with pytest.raises(PublishError, match="missed a threshold"):
        store_run(regressed, settings, cwd, commit=False, remember=True)


def test_a_sparse_checkout_without_the_baselines_says_so(repo: Repo, cwd: Path) -> None:
    store_run(judged(at(repo)), SETTINGS, cwd, commit=True)
    repo.git.status()  # or git leaves what it has not looked at
    repo.git.sparse_checkout("set", "--no-cone", "/*", "!/baselines/")

    comparison = compared(at(repo), SETTINGS, cwd)

    assert comparison.verdict is Verdict.NO_BASELINE
    assert comparison.reason.endswith(
        "; 1 are committed, and this sparse checkout leaves them out: git sparse-checkout add baselines"
    )
