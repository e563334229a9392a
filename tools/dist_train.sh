#!/usr/bin/env bash
# Train with several processes, one per GPU, on one or several machines.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "Usage: bash $0 CONFIG GPUS [arguments of train.py]" >&2
    echo "On each of several machines, GPUS is its number of GPUs; set NNODES," \
        "NODE_RANK, MASTER_ADDR and PORT." >&2
    echo "MAX_RESTARTS=N starts all processes again, up to N times, when one" \
        "dies; with --resume." >&2
    exit 2
fi
RESTART=()
if [ "${MAX_RESTARTS:-0}" -gt 0 ]; then
    if [[ " ${*:3} " != *" --resume"* ]]; then
        echo "MAX_RESTARTS: the processes that are started again need --resume" >&2
        exit 2
    fi
    # With a store for all attempts the new processes look for the dead ones:
    # findings/torchrun_restart.sh.
    export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
    RESTART=(--max-restarts="$MAX_RESTARTS" --rdzv-backend=c10d
        --rdzv-endpoint="${MASTER_ADDR:-127.0.0.1}:${PORT:-29500}"
        --rdzv-id="${PORT:-29500}")
fi
TOOLS=$(cd "$(dirname "$0")" && pwd)

PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" \
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$2" ${RESTART[@]+"${RESTART[@]}"} \
    "$TOOLS/train.py" "$1" --launcher pytorch "${@:3}"
