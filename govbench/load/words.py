"""The messages between a master and its workers beside Locust's own, and their timing."""

from __future__ import annotations

from typing import Final

# From the master: the course begins at an instant of its clock; it ends now; go; send again from here.
BEGIN: Final = "govbench_begin"
STOP: Final = "govbench_stop"
BYE: Final = "govbench_bye"
RESEND: Final = "govbench_resend"
# From a worker: records outside of a report; something happened; all is recorded, and this is the sum of it.
SAMPLES: Final = "govbench_samples"
EVENT: Final = "govbench_event"
DONE: Final = "govbench_done"
# Asked by a worker, answered by the master: what is the time?
CLOCK: Final = "govbench_clock"
# The key of our piece in Locust's reports.
PIECE: Final = "govbench"

REPORT_S: Final = 0.5
LEAD_S: Final = 0.25  # how long before its first instant a course is announced
LOST_S: Final = 10.0  # silence after which the other side is taken for gone
DONE_AGAIN_S: Final = 1.0
