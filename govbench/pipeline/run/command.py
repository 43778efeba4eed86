"""``govbench run``: measure the target, judge it by what is stored, write everything down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from govbench.compare.conclude import without_base
from govbench.config.profiles import build_phases
from govbench.config.settings import Settings
from govbench.config.targets import parse_target
from govbench.errors import Interrupted, ResultsError
from govbench.pipeline.documents import write_documents
from govbench.pipeline.folder import kept_unless_empty, point_latest
from govbench.pipeline.interrupt import Stopper
from govbench.pipeline.progress import Progress
from govbench.pipeline.recording import begin
from govbench.pipeline.run.judge import confirmed, judge
from govbench.pipeline.run.measure import prepared
from govbench.pipeline.stored import read_everything
from govbench.pipeline.test_file import require_users
from govbench.results.comparison import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a run came to, and the folder that holds it; ``interrupted`` where a signal ended it early."""

    results: Results
    folder: Path
    interrupted: Interrupted | None = None


def run(
    settings: Settings,
    *,
    environ: Mapping[str, str],
    cwd: Path,
    progress: Progress,
    base_failure: str | None = None,
) -> Finished:
    """Measure the configured target and judge it by the committed baselines.

    ``base_failure`` is why the base could not be measured that it was to be compared with side by side.

    Raises:
        GovbenchError: the target did not come up, could not be measured, or results not be written; or a
            stored file cannot be used, and then what was measured is written all the same.
        Interrupted: a signal ended the run before anything was measured.
    """
    # What the user got wrong is told before anything is booted.
    parse_target(settings.target.form)
    build_phases(settings.load)
    occasion = begin(settings, environ, cwd)
    lost: ResultsError | None = None
    with kept_unless_empty(occasion.folder), Stopper() as stopper:
        require_users(settings.load)
        # Before the load: what is wrong with a stored file then costs no measurement.
        machine_class = occasion.environment.machine_class
        stored = read_everything(settings, cwd, settings.suite, machine_class, ref=settings.gate.commit)
        with prepared(settings, occasion, stopper, environ=environ, cwd=cwd, progress=progress) as candidate:
            results = Results(summary=candidate.measure())
            progress.step("comparing")
            try:
                results = judge(results.summary, settings, cwd, stored=stored)
                if not stopper.stopped:
                    results = confirmed(results, candidate, cwd, progress, stored=stored)
            except ResultsError as error:  # told after what was measured is written
                lost = error
        if base_failure and results.comparison is not None:
            results = replace(results, comparison=without_base(results.comparison, base_failure))
        progress.step("writing the reports")
        # What was measured is written down whole: from here on only the second signal cuts it short. It is
        # told only now, since a signal that came within the line above could not write another one.
        stopper.graceful = lambda: progress.step("interrupted: the reports are being written")
        write_documents(results, occasion.folder, fail_on=settings.compare.fail_on)
        point_latest(occasion.folder)
        interrupted = stopper.ending(f"interrupted; what was measured is in {occasion.folder}")
    if lost is not None and interrupted is None:
        progress.note(f"not compared with anything; what was measured is in {occasion.folder}")
        raise lost
    return Finished(results=results, folder=occasion.folder, interrupted=interrupted)
