"""Images and masks as they are read: pixels from 0 to 255, until a program divides them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from audit.call import Call
from audit.labels import CUT, PIXELS
from audit.model_facts import LabelFacts
from audit.values import UNKNOWN, Array, Items, Rows, whole


def image(call: Call) -> Any:
    """`cv2.imread` and the like."""
    return Array(labels=LabelFacts(low=0, high=255, place=call.place, seen=PIXELS))


def kept(call: Call) -> Any:
    """What keeps the range of pixels, such as another size."""
    first = call.get(0, "src", "img", "images", "image")
    of_pixels = isinstance(first, Array) and first.labels.seen == PIXELS
    return first if of_pixels else UNKNOWN


def cut(call: Call) -> Any:
    """`cv2.threshold`: pixels that are 0 or a given value."""
    high = whole(call.get(2, "maxval"))
    facts = LabelFacts(low=0, high=high, place=call.place, seen=CUT)
    return Items((UNKNOWN, Array(labels=facts if high is not None else LabelFacts())))


def sure(labels: LabelFacts | None, features: Any) -> LabelFacts | None:
    """Returns labels that a model is trained on; pixels only where its images are scaled, and they are not.

    Masks may be written as 0 and 1: where a program scales images that it reads the same way, it says what
    they are read as.
    """
    if labels is None or labels.seen != PIXELS:
        return labels
    given = features.features if isinstance(features, Rows) else features
    facts = given.labels if isinstance(given, Array) else LabelFacts()
    scaled = facts.seen == PIXELS and facts.high is not None and facts.high <= 1
    return labels if scaled else None


def filled(owner: LabelFacts, value: Any) -> LabelFacts:
    """Returns what is known of an array after a part of it was set."""
    facts = LabelFacts(rank=owner.rank, columns=owner.columns)
    given = value.labels if isinstance(value, Array) else LabelFacts()
    empty = owner.low == owner.high == 0 and not owner.seen
    if given.seen == PIXELS and (empty or owner.seen == PIXELS):
        return replace(given, rank=owner.rank)
    return facts


IMAGES: Mapping[str, Callable[[Call], Any]] = MappingProxyType(
    {
        **dict.fromkeys(("cv2.imread", "PIL.Image.open", "skimage.io.imread", "imageio.imread"), image),
        **dict.fromkeys(("imageio.v2.imread", "imageio.v3.imread"), image),
        **{f"keras.{room}.load_img": image for room in ("preprocessing", "utils")},
        **{f"tensorflow.{room}.decode_{kind}": image for room in ("io", "image") for kind in ("png", "jpeg")},
        **{f"keras.{room}.img_to_array": kept for room in ("preprocessing", "utils")},
        **dict.fromkeys(("cv2.resize", "cv2.cvtColor", "tensorflow.image.resize"), kept),
        "cv2.threshold": cut,
    }
)
"""Functions of images, by their canonical names."""
