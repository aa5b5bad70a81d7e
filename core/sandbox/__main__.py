"""`python -m core.sandbox DATABASE --port N --parent-pid N`: the sandbox as a process, admin token on stdin."""

import argparse
import logging
import secrets
import sys

from core.sandbox.serve import serve


def main() -> int:
    """Read the command line, serve; 1 if the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m core.sandbox", description=__doc__)
    parser.add_argument("database", help="SQLite file of the sandbox's state; made if it isn't there")
    parser.add_argument("--port", type=int, default=8591)
    parser.add_argument("--parent-pid", type=int, help="stop when this process is gone")
    parser.add_argument("--quiet", action="store_true", help="nobody writes by themselves")
    parser.add_argument("--admin-token-stdin", action="store_true", help="first line of standard input")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    token = sys.stdin.readline().strip() if given.admin_token_stdin else ""
    try:
        serve(given.database, given.port, token or secrets.token_urlsafe(24), given.parent_pid, quiet=given.quiet)
    except OSError as error:
        sys.stderr.write(f"The sandbox can't listen on port {given.port}: {error.strerror}.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
