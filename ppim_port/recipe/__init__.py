"""Preprocessing as data: a `Recipe` says how, a `Transform` does it, bit for bit.

    transform = Transform(recipe_from_dict(name, mapping))
    tensor = transform("cat.JPEG")             # float32 [3, crop, crop]

Importing this loads numpy alone; OpenCV and Pillow are loaded when the first
picture is decoded.
"""

from ppim_port.recipe.crop import center_crop, crop_offset
from ppim_port.recipe.decode import decode, read_picture
from ppim_port.recipe.named import open_recipe
from ppim_port.recipe.normalise import lookup_tables, normalise
from ppim_port.recipe.record import Recipe, recipe_from_dict
from ppim_port.recipe.resize import resize, resized_size
from ppim_port.recipe.transform import Transform

__all__ = [
    "Recipe",
    "Transform",
    "center_crop",
    "crop_offset",
    "decode",
    "lookup_tables",
    "normalise",
    "open_recipe",
    "read_picture",
    "recipe_from_dict",
    "resize",
    "resized_size",
]
