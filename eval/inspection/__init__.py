"""A data set looked at file by file: what the pictures are, and whether they are whole.

No net and no framework is loaded. What is found is told, not judged: grey, CMYK or
rotated pictures are part of ILSVRC2012; only damage and differences from a manifest
make a check fail.
"""

from eval.inspection.census import Facts, census, facts
from eval.inspection.look import Look, look_at, md5_of
from eval.inspection.manifest import differences, manifest_text, read_manifest

__all__ = [
    "Facts",
    "Look",
    "census",
    "differences",
    "facts",
    "look_at",
    "manifest_text",
    "md5_of",
    "read_manifest",
]
