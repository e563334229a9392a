"""A model zoo of one model that has no problem."""
import copy

import yaml

FILE = 'configs/metafiles/toy.yml'
README = 'text\n<!-- model zoo -->\nold\n<!-- end of model zoo -->\nrest\n'
DOCS = '<!-- model zoo: toy -->\n<!-- end of model zoo: toy -->\n'
HASHED = 'https://download.openmmlab.com/a/b-v2-atto_3rdparty-fcmae-0123abcd'
_ZOO = dict(
    Collections=[
        dict(
            Name='Toys',
            Metadata={'Training Techniques': ['AdamW']},
            Paper=dict(Title='T', URL='https://arxiv.org/abs/2301.00808'),
            README='../../docs/model_zoo.md',
            Code=dict(URL='code.py', Version='v0.1.0'))
    ],
    Models=[{
        'Name': 'convnextv2_a_ft_in1k',
        'In Collection': 'Toys',
        'Config': 'configs/convnextv2_a_ft_in1k.py',
        'Metadata': {
            'Architecture': ['ConvNeXt V2-A'],
            'Parameters': 3708400,
            'FLOPs': 547332480,
            'Image Size': '224x224',
            'Training Data': ['ImageNet-22k', 'ImageNet-1k'],
            'Epochs': 600,
            'Batch Size': 1024,
            'Initial Weights': f'{HASHED}.pth'
        },
        'Published': dict(Parameters='3.7M', FLOPs='0.55G'),
        'Results': [
            dict(
                Task='Image Classification',
                Dataset='ImageNet-1k',
                Metrics={'Top 1 Accuracy': 76.7},
                Source='ConvNeXt V2, Table 14',
                Reproduced=False)
        ],
        'Weights': f'{HASHED}.pth',
        'Converted From': {
            'Weights': 'https://dl.fbaipublicfiles.com/x_1k_224_ema.pt',
            'Code': 'https://github.com/facebookresearch/ConvNeXt-V2'
        }
    }])


def toy_zoo():
    """The metafile, to be changed at will."""
    return copy.deepcopy(_ZOO)


def write_zoo(root, zoo):
    """Write a zoo of one metafile to a folder; returns the folder."""
    for file, text in {
            'model-index.yml': f'Import: [{FILE}]',
            FILE: yaml.safe_dump(zoo, sort_keys=False),
            'configs/convnextv2_a_ft_in1k.py': '',
            'docs/model_zoo.md': DOCS,
            'README.md': README,
            'code.py': ''
    }.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root
