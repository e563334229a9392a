"""What the papers' tables, which test the rest, do not hold."""
from mmconvnextv2.config.recipe_data import augmentation, pipeline_of


def test_pipelines_of_wrapped_data_sets_come_in_their_order():
    inner = dict(dataset=dict(pipeline=[dict(type='A'), dict(type='B')]))
    outer = dict(dataset=dict(pipeline=[dict(type='C')], **inner))
    assert [x['type'] for x in pipeline_of(outer)] == ['A', 'B', 'C']
    assert pipeline_of(None) == []


def test_choice_among_sizes():
    sizes = [(480, 1333), (800, 1333)]
    nested = [[dict(type='RandomChoiceResize', scales=sizes)],
              [dict(type='RandomFlip', prob=0.5)]]
    choice = dict(type='RandomChoice', transforms=nested)
    train = dict(dataset=dict(pipeline=[choice]))
    assert pipeline_of(train) == [choice, nested[0][0], nested[1][0]]
    assert augmentation(dict(train_dataloader=train))['train_size'] == sizes
