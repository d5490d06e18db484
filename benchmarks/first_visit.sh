#!/usr/bin/env bash
# The first ten minutes with a GPU: see docs/gpu.md. Started again, it goes on where it ended.
#     bash benchmarks/first_visit.sh [--out FOLDER] [--earlier FOLDER] [--minutes 9.5] [--only ITEM...]
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" -m benchmarks.first_visit "$@"
