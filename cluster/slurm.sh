#!/bin/bash
# A sweep on nodes of Slurm. Put your own values into the lines marked CHANGE, take the marks away,
# and from the repository's folder:
#
#   lps-sweep cluster check cluster/slurm.sh
#   sbatch cluster/slurm.sh search_spaces/c_tau.yaml --preset cifar100 --results /shared/results
#   scancel --signal=TERM --batch JOB      # ends in order; the same sbatch goes on where it was
#
# What follows the script's name is what `lps-sweep run` is told. A job that is preempted, or out of
# time, is put back into the queue and goes on where it was. The results folder is one that all
# nodes see. docs/cluster.md leads through it.
#SBATCH --job-name=lps-sweep
#SBATCH --partition=YOUR-PARTITION  # CHANGE
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@180
set -u

export PATH=/shared/lps_sweep/.venv/bin:$PATH  # CHANGE
RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')  # of this job alone
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=600  # seconds for all nodes to come

# This script runs on the first node, which is the head. `srun` ends with the worst code of all
# nodes, and the workers' is 1 once the head is gone; and `ray symmetric-run` ends with 0 where Ray
# did not start. So the sweep leaves its own code here.
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
own=$(mktemp -d)
export own
trap 'rm -rf "$own"' EXIT
sweep='trap : TERM
lps-sweep run --address auto "$@" & echo $! >"$own/pid"
while wait $!; code=$?; kill -0 $! 2>/dev/null; do :; done
echo $code >"$own/code"'

stop() { kill -TERM "$(cat "$own/pid" 2>/dev/null)" 2>/dev/null || kill -TERM "$step"; }
cancelled=
trap 'cancelled=yes; stop' TERM  # scancel
trap stop USR1                   # nearly out of time
srun ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" -- \
    bash -c "$sweep" sweep "$@" &
step=$!
while wait "$step"; code=$?; kill -0 "$step" 2>/dev/null; do :; done # a signal ends `wait`

[ "$code" != 0 ] || code=1
[ ! -e "$own/code" ] || code=$(cat "$own/code")
if [ "$code" = 143 ] && [ -z "$cancelled" ]; then # out of time, or Slurm preempts the job
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
