"""CIFAR-100: 50,000 colour training images of a hundred classes, 32 x 32."""

from __future__ import annotations

from lps_sweep.data.cifar import Cifar

_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle
bowl boy bridge bus butterfly camel can castle caterpillar cattle
chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur
dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard
lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain
mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree
plain plate poppy porcupine possum rabbit raccoon ray road rocket
rose sea seal shark shrew skunk skyscraper snail snake spider
squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""

CIFAR = Cifar(
    title="CIFAR-100",
    folder="cifar-100-python",
    archive="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    label_key=b"fine_labels",
    class_names=tuple(_NAMES.split()),
    checksums={"train": "16019d7e3df5f24257cddd939b257f8d"},
)
DATA_SET = CIFAR.data_set()
