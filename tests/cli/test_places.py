"""Pipes, devices, links, folders and full disks: a command that meets them ends, and says what is wrong."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.cli.conftest import SHORT, Cli, Ended

pytestmark = pytest.mark.load


def refused(ended: Ended, code: int, *words: str) -> None:
    assert ended.code == code, ended.err
    assert ended.out == ""
    for word in words:
        assert word in ended.complaint
    assert "hint: " in ended.err


def pipe(folder: Path, name: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return path


SAYS_NOTHING = "a pipe or a device that says nothing for 5 s"


def test_a_configuration_that_is_a_pipe(govbench: Cli) -> None:
    pipe(govbench.cwd, "govbench.toml")
    refused(govbench("report"), 2, "govbench.toml: cannot be read", SAYS_NOTHING)


def test_a_configuration_that_is_a_link_into_nothing(govbench: Cli) -> None:
    """It is no reason to measure something else, as the defaults say."""
    (govbench.cwd / "govbench.toml").symlink_to("moved-away.toml")
    refused(govbench.here("run"), 2, "govbench.toml: cannot be read: No such file")


@pytest.mark.parametrize(
    ("path", "why"),
    [("/dev/zero", "larger than 16 MiB"), ("/", "Is a directory"), ("/dev/null/x", "Not a directory")],
)
def test_a_configuration_that_is_no_file(govbench: Cli, path: str, why: str) -> None:
    refused(govbench.here("run", "--config", path), 2, path, why)


def test_an_empty_device_is_an_empty_configuration(measured: Cli) -> None:
    assert measured.here("report", "--config", "/dev/null").code == 0


def test_a_configuration_that_a_process_writes(measured: Cli) -> None:
    """As ``--config <(decrypt govbench.toml)`` does."""
    path = pipe(measured.cwd, "config.toml")
    writer = threading.Thread(target=path.write_text, args=("[load]\nmax_user = 5\n",), daemon=True)
    writer.start()
    refused(measured("report", "--config", "config.toml"), 2, "config.toml: [load] max_user: unknown key")
    writer.join(timeout=10)


def test_results_that_are_a_pipe(measured: Cli) -> None:
    pipe(measured.folder, "results.json")
    ended = measured("report", str(measured.folder))
    assert ended.code == 2
    assert f"results.json: cannot be read: {SAYS_NOTHING}" in ended.complaint
    assert measured("report", "/dev/null").complaint.endswith("/dev/null: the file is empty")


def test_samples_that_are_a_pipe(measured: Cli) -> None:
    pipe(measured.folder, "samples")
    ended = measured("report", "--csv")
    assert ended.code == 2
    assert "samples: " in ended.complaint
    assert "no regular file" in ended.complaint


def test_baselines_that_are_pipes_and_devices(measured: Cli) -> None:
    assert measured.here("baseline", "update").code == 0
    (path,) = measured.cwd.glob("baselines/*/*/*.json")
    path.rename(path.with_suffix(".kept"))
    path.symlink_to("/dev/zero")
    pipe(path.parent, "calibration.json")
    pipe(path.parent, "20260101T000000Z-0123456789ab-quick.json")

    ended = measured("compare")

    assert ended.code == 0, ended.err
    assert "no baseline" in ended.out


@pytest.mark.slow
def test_other_files_that_are_pipes(govbench: Cli) -> None:
    pipe(govbench.cwd, "questions.txt")
    (govbench.cwd / "govbench.toml").write_text('[load]\nqueries_file = "questions.txt"\n')
    refused(govbench("run", "embedded"), 2, "questions.txt: cannot be read", SAYS_NOTHING)
    (govbench.cwd / "govbench.toml").unlink()
    pipe(govbench.cwd, "users.py")
    ended = govbench("run", "embedded", "--test-file", "users.py")
    assert ended.code == 2
    assert f"test file users.py: {SAYS_NOTHING}" in ended.complaint
    assert not list(govbench.cwd.glob("results/*"))


def test_a_report_goes_into_a_pipe(measured: Cli) -> None:
    path, heard = pipe(measured.cwd, "pipe"), []
    reader = threading.Thread(target=lambda: heard.append(path.read_text()), daemon=True)
    reader.start()

    ended = measured("report", "--html", "--to", "pipe")

    reader.join(timeout=10)
    assert ended.code == 0, ended.err
    assert heard[0].rstrip().endswith("</html>")
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_report_into_a_pipe_that_nobody_reads(measured: Cli) -> None:
    pipe(measured.cwd, "pipe")
    refused(measured("report", "--html", "--to", "pipe"), 4, "pipe: cannot be written: nobody reads from it")


def test_a_report_goes_into_a_device_and_leaves_it_one(measured: Cli) -> None:
    """By links, so that a mistake would replace those."""
    for name in ("null", "full"):
        (measured.cwd / name).symlink_to(f"/dev/{name}")

    assert measured("report", "--html", "--to", "null").code == 0
    refused(
        measured("report", "--html", "--to", "full"), 4, "full: cannot be written: No space left on device"
    )

    assert (measured.cwd / "null").is_symlink()
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert measured("report", "--html", "--to", "/dev/stdout").out.rstrip().endswith("</html>")


def test_a_report_goes_where_a_link_leads(measured: Cli) -> None:
    (measured.cwd / "site").mkdir()
    (measured.cwd / "report.html").symlink_to("site/index.html")

    assert measured.here("report", "--html", "--to", "report.html").code == 0

    assert (measured.cwd / "report.html").is_symlink()
    assert "</html>" in (measured.cwd / "site" / "index.html").read_text()
    assert [path.name for path in (measured.cwd / "site").iterdir()] == ["index.html"]


def test_a_link_beside_a_report_is_not_written_through(measured: Cli) -> None:
    """What stands in a work tree may be somebody else's, and so a link that we would write to first."""
    (measured.cwd / "theirs").write_text("theirs")
    for name in (".report.html.part", "report.html.part", ".report.html"):
        (measured.cwd / name).symlink_to("theirs")
    assert measured.here("report", "--html", "--to", "report.html").code == 0
    assert (measured.cwd / "theirs").read_text() == "theirs"


def test_a_baseline_is_not_written_through_a_link(measured: Cli) -> None:
    assert measured.here("baseline", "update").code == 0
    (path,) = measured.cwd.glob("baselines/*/*/*.json")
    text = path.read_text()
    (measured.cwd / "theirs").write_text(text)
    path.unlink()
    path.symlink_to(measured.cwd / "theirs")

    assert measured.here("baseline", "update").code == 0

    assert not path.is_symlink()
    assert (measured.cwd / "theirs").read_text() == text


def test_a_folder_where_a_file_belongs_and_the_reverse(measured: Cli) -> None:
    (measured.cwd / "folder" / "report.html").mkdir(parents=True)
    refused(
        measured.here("report", "--html", "--to", "folder"),
        4,
        "folder/report.html: cannot be written: Is a directory",
    )
    (measured.cwd / "file").write_text("a file")
    refused(measured.here("report", "--html", "--junit", "--to", "file"), 2, "file: cannot be made a folder")
    refused(measured.here("report", "--html", "--to", "file/report.html"), 4, "Not a directory")
    assert (measured.cwd / "file").read_text() == "a file"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("file", "File exists"),
        ("pipe", "File exists"),
        ("/dev/null/x", "Not a directory"),
        ("/proc/x", "/proc/x"),
    ],
)
def test_an_output_folder_that_cannot_be(govbench: Cli, place: str, why: str) -> None:
    (govbench.cwd / "file").write_text("a file")
    pipe(govbench.cwd, "pipe")

    ended = govbench("run", "embedded", "--output", place)

    assert ended.code == 2
    assert "cannot be written: " in ended.complaint
    assert "--output" in ended.err.partition("hint: ")[2]
    assert (govbench.cwd / "file").read_text() == "a file"
    if place in ("file", "pipe"):
        assert "Not a directory" in ended.complaint or why in ended.complaint


def test_an_output_folder_behind_a_link(govbench: Cli, embedded_url: str) -> None:
    (govbench.cwd / "elsewhere").mkdir()
    (govbench.cwd / "results").symlink_to("elsewhere")
    assert govbench("run", embedded_url, *SHORT).code == 0
    assert (govbench.cwd / "results").is_symlink()
    assert list((govbench.cwd / "elsewhere").glob("*Z-*/results.json"))


def full(govbench: Cli, most_bytes: int, *arguments: str) -> Ended:
    """A command that can write no file beyond that size, as on a disk that is full."""
    ended = subprocess.run(
        [sys.executable, "-m", "govbench", *arguments],
        cwd=govbench.cwd,
        env=govbench.environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes)),
    )
    assert "Traceback" not in ended.stderr
    return Ended(code=ended.returncode, out=ended.stdout, err=ended.stderr)


@pytest.mark.parametrize("most_bytes", [0, 100, 3_000, 100_000])
def test_a_disk_that_is_full_says_where_and_what_to_do(
    govbench: Cli, embedded_url: str, most_bytes: int
) -> None:
    """At every step at which something is written: the folder's first file, the log, the samples."""
    ended = full(govbench, most_bytes, "run", embedded_url, *SHORT)

    assert ended.code in (2, 3), ended.err
    assert "File too large" in ended.complaint
    assert "results" in ended.complaint or "samples" in ended.complaint
    assert "ulimit -f" in ended.err
