#!/usr/bin/env bash
# Evaluate with several processes, one per GPU, on one or several machines.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "Usage: bash $0 CONFIG CHECKPOINT GPUS [arguments of test.py]" >&2
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
    --nproc_per_node="$3" \
    "$TOOLS/test.py" "$1" "$2" --launcher pytorch "${@:4}"
