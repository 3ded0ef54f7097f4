#!/usr/bin/env bash
# Guess: `ray symmetric-run -- COMMAND` fails when Ray cannot start, as its COMMAND never ran.
# Seen (2026-11-28): where the port of the head is taken, "Failed to start Ray" is printed, COMMAND is not run, and the exit status
# is 0. Slurm then counts the job as COMPLETED. (A COMMAND that fails does hand on its status.)
# Why it matters: a search under Slurm that never began looks done. cluster/slurm.sh asks whether its own command ran.
# Ends with `ray stop`, as the command itself does: not beside another Ray, which it refuses.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "$holder" 2> /dev/null || true; rm -rf "$folder"' EXIT
holder=
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "ray[default]==2.60.0"
export PATH="$folder/venv/bin:$PATH"
python - > "$folder/port" <<'PY' &
import socket, time
held = socket.create_server(("127.0.0.1", 0))
print(held.getsockname()[1], flush=True)
time.sleep(300)
PY
holder=$!
until [ -s "$folder/port" ]; do sleep 0.2; done
status=0
ray symmetric-run --address "127.0.0.1:$(cat "$folder/port")" -- touch "$folder/ran" > "$folder/said" 2>&1 || status=$?
echo "$(ray --version); exit status $status; the command ran: $([ -e "$folder/ran" ] && echo yes || echo no)"
grep -o "Failed to start Ray" "$folder/said"
[ "$status" = 0 ] && [ ! -e "$folder/ran" ] || { echo "the finding has changed" >&2; exit 1; }
