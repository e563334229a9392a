import pytest

from mmconvnextv2.config.recipe_data import augmentation, named, pipeline_of


def loader(*steps):
    return dict(dataset=dict(pipeline=list(steps)))


def test_pipelines_of_wrapped_data_sets_come_in_their_order():
    inner = dict(dataset=dict(pipeline=[dict(type='A'), dict(type='B')]))
    outer = dict(dataset=dict(pipeline=[dict(type='C')], **inner))
    assert [x['type'] for x in pipeline_of(outer)] == ['A', 'B', 'C']
    assert pipeline_of(None) == []


def test_types_are_found_in_any_scope():
    steps = [dict(type='mmdet.Resize', scale=1), dict(type='RandomResize')]
    assert named(steps, 'Resize') == steps[:1]


def test_classification():
    found = augmentation(
        dict(
            train_dataloader=loader(
                dict(type='mmpretrain.RandomResizedCrop', scale=224),
                dict(
                    type='RandAugment',
                    num_policies=2,
                    magnitude_level=9,
                    magnitude_std=0.5),
                dict(type='RandomErasing', erase_prob=0.25)),
            test_dataloader=loader(
                dict(type='ResizeEdge', scale=256),
                dict(type='CenterCrop', crop_size=224))))
    assert found == dict(
        rand_augment=dict(magnitude=9, std=0.5, policies=2),
        erasing=0.25,
        jitter=[0.08, 1.],
        train_size=[224, 224],
        test_size=[224, 224],
        test_crop_ratio=0.875,
        tta_scales=None)


@pytest.mark.parametrize('key', ['test_dataloader', 'val_dataloader'])
def test_segmentation(key):
    scales = [(1536, 384), (2048, 512)]
    found = augmentation({
        'train_dataloader':
        loader(
            dict(
                type='RandomResize', scale=(2048, 512),
                ratio_range=(0.5, 2.)),
            dict(type='RandomCrop', crop_size=(512, 512))),
        key:
        loader(dict(type='Resize', scale=(2048, 512))),
        'tta_pipeline': [
            dict(
                type='TestTimeAug',
                transforms=[[dict(type='Resize', scale=x) for x in scales],
                            [dict(type='RandomFlip', prob=1.)]])
        ]
    })
    assert found == dict(
        rand_augment=None,
        erasing=None,
        jitter=[0.5, 2.],
        train_size=[512, 512],
        test_size=[2048, 512],
        test_crop_ratio=None,
        tta_scales=scales)


def test_choice_among_sizes():
    sizes = [(480, 1333), (800, 1333)]
    nested = [[dict(type='RandomChoiceResize', scales=sizes)],
              [dict(type='RandomFlip', prob=0.5)]]
    choice = dict(type='RandomChoice', transforms=nested)
    train = loader(choice)
    assert pipeline_of(train) == [choice, nested[0][0], nested[1][0]]
    assert augmentation(dict(train_dataloader=train))['train_size'] == sizes
