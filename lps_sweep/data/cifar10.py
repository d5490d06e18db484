"""CIFAR-10: 50,000 colour training images of ten classes, 32 x 32."""

from __future__ import annotations

from lps_sweep.data.cifar import Cifar

_NAMES = "airplane automobile bird cat deer dog frog horse ship truck"

CIFAR = Cifar(
    title="CIFAR-10",
    folder="cifar-10-batches-py",
    archive="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    label_key=b"labels",
    class_names=tuple(_NAMES.split()),
    checksums={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    },
)
DATA_SET = CIFAR.data_set()
