#!/usr/bin/env bash
# A job held by one line and released by another, with nothing but curl (7.82 or newer, for --json).
set -euo pipefail
nightly=${SIGNALBOX_URL:-http://127.0.0.1:7600}/v1/semaphores/nightly-report
leaseId=$(cat /proc/sys/kernel/random/uuid 2>/dev/null || uuidgen) # any UUID; who knows it may release

echo '# hold it: one at a time, for a minute at most'
curl -sS --fail-with-body --json '{"leaseId": "'"$leaseId"'", "ttlMs": 60000, "create": {"limit": 1}}' "$nightly/acquire"

printf '\n\n# meanwhile another job is told to come back later\n'
curl -sS --json '{}' -w '\nHTTP %{http_code}\n' "$nightly/acquire"

printf '\n# release it: from another terminal, another machine, at the end of the job\n'
curl -sS --fail-with-body --json '{"leaseId": "'"$leaseId"'"}' "$nightly/release"
echo
