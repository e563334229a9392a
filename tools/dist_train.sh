#!/usr/bin/env bash
# Train with several processes, one per GPU, on one or several machines.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "Usage: bash $0 CONFIG GPUS [arguments of train.py]" >&2
    echo "On each of several machines, GPUS is its number of GPUs; set NNODES," \
        "NODE_RANK, MASTER_ADDR and PORT." >&2
    exit 2
fi
TOOLS=$(cd "$(dirname "$0")" && pwd)

PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}" \
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$2" \
    "$TOOLS/train.py" "$1" --launcher pytorch "${@:3}"
