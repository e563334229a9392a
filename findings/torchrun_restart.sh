#!/usr/bin/env bash
# torchrun: processes that are started again look for the dead ones.
#
# Behaviour: PyTorch 2.13.0's torchrun --max-restarts keeps one store for all
# attempts. What a process of an earlier attempt has written there, its address
# for one, is what those of the next attempt read, if they come first: they
# connect to nobody and fail, or hang. The same with --standalone. Known as
# https://github.com/pytorch/pytorch/issues/135712, which is closed. With
# --rdzv-backend=c10d and TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 each attempt has
# a store of its own, and works. Four attempts, of which a process kills itself
# in the first three; all together have 90 seconds:
# Output seen:
#   default: 1 of 4 attempts met
#   own stores: 4 of 4 attempts met
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.2.6
cat > "$folder/meet.py" <<'PY'
import os
import signal
import time

import torch

if os.environ['RANK'] == '1':
    time.sleep(2)  # Otherwise who comes first is chance.
torch.distributed.init_process_group('gloo')
torch.distributed.all_reduce(torch.ones(1))
if os.environ['RANK'] == '0':
    print('met', flush=True)
torch.distributed.barrier()
if os.environ['RANK'] == '1' and os.environ['TORCHELASTIC_RESTART_COUNT'] < '3':
    os.kill(os.getpid(), signal.SIGKILL)
torch.distributed.barrier()
PY
export CUDA_VISIBLE_DEVICES='' OMP_NUM_THREADS=1
try() {
    timeout 90 "$folder/venv/bin/python" -m torch.distributed.run \
        --nproc_per_node=2 --max-restarts=3 "$@" "$folder/meet.py" \
        2> "$folder/errors" | grep -c '^met' || true
}
default=$(try --nnodes=1 --node_rank=0 --master_port=29517)
echo "default: $default of 4 attempts met"
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
own=$(try --rdzv-backend=c10d --rdzv-endpoint=127.0.0.1:29518 --rdzv-id=1)
echo "own stores: $own of 4 attempts met"
[ "$default" -lt 4 ] && [ "$own" = 4 ] && echo "still so"
