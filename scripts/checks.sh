#!/usr/bin/env bash
# Format, lint, types, docs and tests, as CI runs them. Arguments go to pytest: scripts/checks.sh -m 'not slow'
set -euo pipefail
cd "$(dirname "$0")/.."

ruff format --check .
ruff check .
mypy
python scripts/build_docs.py --check
pytest -n auto --maxprocesses 4 "$@"
