"""What a GIMP with windows holds; run inside it by D-Bus and python-fu-eval."""

import json
import os

from scene import Gimp, image_facts


def write(path):
    """Write the facts of every open image as JSON, oldest first, by way of a temporary name."""
    try:
        facts = [image_facts(image) for image in Gimp.get_images()]
    except (AttributeError, RuntimeError):
        facts = []  # a plug-in at work deleted an image of its own while it was looked at
    facts.sort(key=lambda image: image["id"])
    with open(path + ".part", "w") as stream:
        json.dump(facts, stream)
    os.rename(path + ".part", path)
