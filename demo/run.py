"""Play the demo: a desk of its own, 300 customers, 63 mails, and what became of each.

    bin/demo               the same, with everything installed first
    bin/demo --fresh       forget what the desk of the demo holds, and start anew

The desk is the real one: the mails go through its intake, its worker and its rules, on PostgreSQL and Valkey that are
started on demand. Exit code 0: every mail came to an end, and that is what demo/expected.json says.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import importlib
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# As a script, Python looks for modules beside this file; the project lies one above.
sys.path[0] = str(ROOT)


def main(arguments: list[str]) -> int:
    """Parse the arguments, prepare the process and play. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="bin/demo", description="Play three weeks at the abuse desk of Example Hosting."
    )
    parser.add_argument("--fresh", action="store_true", help="empty the desk of the demo first")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)
    # Whatever the caller's shell says: the demo never touches another desk than its own.
    os.environ.update(APP_ENV="dev", APP_SETTINGS="demo/settings.yml")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # names in many scripts, on a terminal that may know only ASCII
    log = ROOT / "var" / "demo" / "log" / "demo.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        from abuse.bootstrap import set_up

        set_up()
        logging.basicConfig(
            filename=log, level=logging.INFO, force=True, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
        )
        # Models can be imported only now that Django is ready.
        play = importlib.import_module("demo.play")
        with _alone(log.parent / "run.lock"):
            return int(play.play(fresh=options.fresh, log_directory=log.parent))
    except KeyboardInterrupt:
        print("\nStopped. Run bin/demo again to go on from here.", file=sys.stderr)
        return 130
    except Exception as error:
        logging.getLogger("demo").critical("the demo stopped", exc_info=True)
        print(
            f"\nThe demo stopped: {type(error).__name__}: {error}\nMore is in {log.parent.relative_to(ROOT)}/",
            file=sys.stderr,
        )
        return 1


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Two demos at once would hand in the same mails in two orders. The lock ends with the process."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("Another bin/demo is at work on this desk; wait until it is done.") from None
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
