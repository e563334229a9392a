"""A small FCMAE, and a config that trains it on a folder of images."""
from pathlib import Path

import cv2
import numpy as np

# Patches of 8 x 8 pixels.
MODEL = dict(
    type='mmconvnextv2.FCMAE',
    data_preprocessor=dict(
        type='SelfSupDataPreprocessor', mean=[120., 110., 100.],
        std=[60., 50., 40.], to_rgb=True),
    backbone=dict(
        type='mmconvnextv2.ConvNeXtV2',
        arch=dict(depths=[1, 1], channels=[8, 16]),
        drop_path_rate=0.2,
        final_norm=False),
    neck=dict(
        type='mmconvnextv2.FCMAEDecoder', in_channels=16, decoder_channels=16,
        patch_size=8),
    head=dict(type='mmconvnextv2.FCMAEHead', patch_size=8))


def write_images(folder: Path, num_images: int = 4) -> None:
    """Write images of 40 x 32 pixels."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0)
    for i in range(num_images):
        image = noise.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        image = cv2.resize(image, (40, 32), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(folder / f'{i}.png'), image)


def train_config(folder: Path) -> dict:
    """What a runner needs, over what configs/_base_/selfsup_runtime.py has.

    Two epochs of two iterations.
    """
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(
            type='RandomResizedCrop', scale=32, backend='pillow',
            interpolation='bicubic'),
        dict(type='PackInputs')
    ]
    return dict(
        model=MODEL,
        work_dir=str(folder / 'work'),
        default_scope='mmpretrain',
        train_dataloader=dict(
            batch_size=2,
            num_workers=0,
            sampler=dict(type='DefaultSampler', shuffle=True),
            collate_fn=dict(type='default_collate'),
            dataset=dict(
                type='CustomDataset', data_root=str(folder),
                data_prefix='images', with_label=False, pipeline=pipeline)),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(
            optimizer=dict(type='AdamW', lr=1e-3),
            clip_grad=dict(max_norm=1e6)),
        visualizer=dict(
            type='Visualizer', vis_backends=[dict(type='LocalVisBackend')]),
        default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
        randomness=dict(seed=0))
