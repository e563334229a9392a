from mmconvnextv2.capacity.footprint import Footprint, Line, States
from mmconvnextv2.capacity.tables import as_json, markdown, tables

GB = 10**9


def made_up(mode, precision='bf16', half=GB // 2):
    held = States(GB, GB, 2 * GB, GB, GB)
    return Footprint('huge', mode, 224, precision, 250_000_000, half, held,
                     Line(half, 900_000_000), [Line(half, GB)])


FOUND = [made_up('fcmae'), made_up('dense'), made_up('dense', 'float32', 0)]


def test_markdown():
    # 6 GB are held; of 16 GB 2 are reserved, and 0.5 are copies of weights.
    assert markdown(tables(FOUND, [16, 80], 2., [1000.], 8)) == '''\
**Held at all times, GB**

| size | model | parameters | weights | gradients | AdamW | EMA | DDP | sum | \
half copies |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
| huge | FCMAE | 250.0M | 1.00 | 1.00 | 2.00 | 1.00 | 1.00 | 6.00 | 0.50 |
| huge | classifier | 250.0M | 1.00 | 1.00 | 2.00 | 1.00 | 1.00 | 6.00 | 0.50 |

**224 x 224 px, bf16: MB per image, and the most images per GPU**

| size | model | kept | peak | 16 GB | 80 GB |
| --- | --- | --- | --- | --- | --- |
| huge | dense | 900.0 | 1000.0 | 7 | 71 |
| huge | fcmae | 900.0 | 1000.0 | 7 | 71 |

**224 x 224 px, float32: MB per image, and the most images per GPU**

| size | model | kept | peak | 16 GB | 80 GB |
| --- | --- | --- | --- | --- | --- |
| huge | dense | 900.0 | 1000.0 | 8 | 72 |

**Pre-training on ImageNet-1K with 8 GPUs, days**

| images per second and GPU | 800 epochs | 1600 epochs |
| --- | --- | --- |
| 1000 | 1.5 | 3.0 |'''


def test_json():
    found = as_json(FOUND[:1], [16], 2., [1000.], 8)
    model, = found['models']
    assert model['largest_batch'] == {'16': 7}
    assert model['kept'] == dict(fixed=GB // 2, per_image=900_000_000)
    assert model['states'] == dict(
        weights=GB, gradients=GB, optimizer=2 * GB, ema=GB, buckets=GB,
        half_copies=GB // 2)
    assert list(found['pretraining_days'][0]) == [
        'images_per_second', '800', '1600']
