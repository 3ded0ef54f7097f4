#!/bin/bash
# A search on a Slurm cluster: one Ray over all hosts of the job, the search on the first. docs/slurm.md walks through it.
#
#   sbatch --job-name=seizure cluster/slurm.sh run study.yaml
#
# from the project's folder, which every host must see. The run gets the job's name. Edit the lines marked <--, or
# give them to sbatch.
#SBATCH --job-name=headsearch
#SBATCH --nodes=2             # <-- hosts
#SBATCH --gres=gpu:1          # <-- GPUs of each host; remove the line where there are none
#SBATCH --time=08:00:00       # <-- past this the job is requeued, and the run resumed
#SBATCH --output=%x-%j.out
#SBATCH --open-mode=append
# Ray's own command for this stops every Ray of this user on the host, and refuses a host that has one already.
#SBATCH --exclusive
#SBATCH --ntasks-per-node=1
# Two minutes before the end: room for the driver to write its last records. Slurm may come a minute early.
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
set -u
export PATH="$PWD/.venv/bin:$HOME/.headsearch/bin:$PATH"
export RAY_AUTH_MODE=token RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
# Whoever has the token may run code in this Ray.
[ -s ~/.ray/auth_token ] || (umask 077; ray get-auth-token --generate > /dev/null)

command=("$@")
[ "$#" -gt 0 ] || command=(run study.yaml)
if [ "${command[0]}" = run ]; then
    command+=(--name "$SLURM_JOB_NAME")
    if [ "${SLURM_RESTART_COUNT:-0}" -gt 0 ] && [ -e "runs/$SLURM_JOB_NAME/study.yaml" ]; then
        command=(resume "runs/$SLURM_JOB_NAME")
    fi
fi

# Where the driver says which process it is, and how it ended: Ray's command tells neither, and exits with 0 where
# Ray did not start. What the driver prints goes where this script prints, and Ray's own words into logs/.
export NOTES="${TMPDIR:-/tmp}/headsearch-$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}" OUTPUT="$(readlink "/proc/$$/fd/1")"
export ADDRESS="$(hostname -I | cut -d ' ' -f 1):$((20000 + SLURM_JOB_ID % 10000))"
mkdir -p logs
driver='echo $$ > "$NOTES.pid"; python search.py "$@" >> "$OUTPUT" 2>&1; echo $? > "$NOTES.code"; exit "$(< "$NOTES.code")"'
# A job that was ended without notice, or a start that failed, may have left a Ray behind. A host whose Ray has died
# starts it again, but for the first one, whose Ray holds the search.
host='while true; do
    ray stop --force
    ray symmetric-run --address "$ADDRESS" --min-nodes "$SLURM_JOB_NUM_NODES" --disable-usage-stats \
        --num-cpus "$SLURM_CPUS_ON_NODE" ${SLURM_GPUS_ON_NODE:+--num-gpus "$SLURM_GPUS_ON_NODE"} -- "$@"
    [ "$SLURM_PROCID" != 0 ] || exit 0
done'

time_is_up=
trap 'time_is_up=yes; pkill -TERM -P "$(< "$NOTES.pid")" || kill "$srun"' USR1 # it may not have begun yet
# Ray gives itself 30 seconds to start, which a busy host may not make: hence three attempts.
for attempt in 1 2 3; do
    # The first host ends when the driver does; the others are ended five seconds after it.
    srun --output="logs/ray-$SLURM_JOB_ID-%N.log" --open-mode=append --cpu-bind=none --wait=5 \
        bash -c "$host" bash bash -c "$driver" bash "${command[@]}" 2>> "logs/ray-$SLURM_JOB_ID.log" &
    srun=$!
    wait "$srun"
    while kill -0 "$srun" 2> /dev/null; do wait "$srun"; done
    [ ! -e "$NOTES.pid" ] && [ -z "$time_is_up" ] || break
    echo "slurm.sh: Ray did not start: see logs/ray-$SLURM_JOB_ID*.log" >&2
done

code=$(cat "$NOTES.code" 2> /dev/null) || code=1
rm -f "$NOTES.pid" "$NOTES.code"
if [ "$code" != 0 ] && [ -n "$time_is_up" ]; then
    echo "slurm.sh: the time is up; the job is requeued and the run resumed"
    scontrol requeue "$SLURM_JOB_ID" && sleep 60 # Slurm ends this script
fi
exit "$code"
