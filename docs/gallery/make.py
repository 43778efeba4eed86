"""Makes the gallery of reports: measures real runs on loopback, lays them out, takes pictures.

python docs/gallery/make.py                       # all of it, in about ten minutes
python docs/gallery/make.py --work DIR            # keeps the runs, and measures only what DIR lacks
python docs/gallery/make.py --work DIR ab pass    # only these, for a look
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

# A script's own folder is no package; imports begin at the top of the checkout.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from docs.gallery.measure import measured  # noqa: E402
from docs.gallery.page import gallery_page, write_story, write_two_suites  # noqa: E402
from docs.gallery.stories import STORIES  # noqa: E402

TOGETHER = ("regression", "endpoints")  # two suites in one comment
HERE = Path(__file__).parent


def main() -> int:
    """Measure, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("stories", nargs="*", metavar="STORY", help=", ".join(one.key for one in STORIES))
    parser.add_argument("--work", type=Path, help="where the runs are kept")
    parser.add_argument("--measure-only", action="store_true", help="no pictures yet")
    called = parser.parse_args()
    unknown = set(called.stories) - {one.key for one in STORIES}
    if unknown:
        parser.error(f"no such story: {', '.join(sorted(unknown))}")
    chosen = [one for one in STORIES if not called.stories or one.key in called.stories]
    with tempfile.TemporaryDirectory(prefix="govbench-gallery-") as temporary:
        work = (called.work or Path(temporary)).resolve()
        for story in chosen:
            print(story.key, flush=True)
            results = measured(story, work)
            if not called.measure_only:
                write_story(story, results, HERE)
        if not called.stories and not called.measure_only:
            write_two_suites([work / one.key / one.results for one in STORIES if one.key in TOGETHER], HERE)
            (HERE / "README.md").write_text(gallery_page(HERE), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
