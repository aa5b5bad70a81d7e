#!/bin/sh
# What the tests need beside Python packages: a Chromium to drive, and PostgreSQL and node for the real Bluesky network.
# A browser is always brought; the other two are installed where that needs no question (root on Debian), else the test
# that wants them says so and is skipped.
set -u
PATH="$PATH:/usr/sbin:/sbin"

missing=""
command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || missing="chromium"
if ! command -v initdb >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then missing="$missing postgresql"; fi
command -v node >/dev/null 2>&1 || missing="$missing nodejs npm"

if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing for the tests:$missing …"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 \
    || echo "That failed; tests that need it will say so."
  exit 0
fi
case "$missing" in
  chromium*) [ -d "${PLAYWRIGHT_BROWSERS_PATH:-$HOME/.cache/ms-playwright}" ] || .venv/bin/playwright install chromium ;;
esac
exit 0
