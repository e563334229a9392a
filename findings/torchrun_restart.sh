#!/usr/bin/env bash
# torchrun: processes that are started again look for the dead ones.
#
# Behaviour: PyTorch 2.13.0's torchrun --max-restarts keeps one store for all
# attempts. What a process of an earlier attempt has written there, its address
# for one, is what those of the next attempt read, if they come first: they
# connect to nobody and fail, until no attempt is left. The same with
# --standalone. Known as https://github.com/pytorch/pytorch/issues/135712,
# which is closed. With --rdzv-backend=c10d and
# TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 each attempt has a store of its own, and
# works. Five attempts, of which a process kills itself in the first four:
# Output seen:
#   default: 1 of 5 attempts met
#   default, TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1: 1 of 5 attempts met
#   c10d, TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1: 5 of 5 attempts met
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.2.6
cat > "$folder/meet.py" <<'PY'
import os
import signal

import torch

torch.distributed.init_process_group('gloo')
torch.distributed.all_reduce(torch.ones(1))
if os.environ['RANK'] == '0':
    print('met', flush=True)
torch.distributed.barrier()
if os.environ['RANK'] == '1' and os.environ['TORCHELASTIC_RESTART_COUNT'] < '4':
    os.kill(os.getpid(), signal.SIGKILL)
torch.distributed.barrier()
PY
export CUDA_VISIBLE_DEVICES='' OMP_NUM_THREADS=1
try() {
    "$folder/venv/bin/python" -m torch.distributed.run --nproc_per_node=2 \
        --max-restarts=4 "$@" "$folder/meet.py" 2> "$folder/errors" \
        | grep -c '^met' || true
}
default=$(try --nnodes=1 --node_rank=0 --master_port=29517)
echo "default: $default of 5 attempts met"
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
still=$(try --nnodes=1 --node_rank=0 --master_port=29517)
echo "default, TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1: $still of 5 attempts met"
own=$(try --rdzv-backend=c10d --rdzv-endpoint=127.0.0.1:29518 --rdzv-id=1)
echo "c10d, TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1: $own of 5 attempts met"
[ "$default" -lt 5 ] && [ "$still" -lt 5 ] && [ "$own" = 5 ] && echo "still so"
