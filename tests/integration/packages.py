"""The npm packages of the real Bluesky network, installed once a lock file: `python -m tests.integration.packages`.

Nothing but the standard library is needed, so that it may run while everything else is still being installed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

BLUESKY = Path(__file__).parent / "bluesky"
# One of them is compiled here. It serves a few accounts for a minute: what optimizing takes is never won back.
QUICKLY = {"CFLAGS": "-O0", "CXXFLAGS": "-O0", "JOBS": "2"}


def install() -> str:
    """`npm ci`, where it hasn't been done for this very lock file. Gives what went wrong, or nothing."""
    wanted = hashlib.sha256((BLUESKY / "package-lock.json").read_bytes()).hexdigest()
    installed = BLUESKY / "node_modules" / ".installed-lock"
    if installed.exists() and installed.read_text() == wanted:
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed."
    command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=BLUESKY, env=os.environ | QUICKLY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"its packages can't be installed (npm ci):\n{done.stderr.strip()[-1500:]}"
    installed.write_text(wanted)
    return ""


if __name__ == "__main__":
    sys.exit(install() or 0)
