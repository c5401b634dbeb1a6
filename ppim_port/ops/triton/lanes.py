"""Which place of which picture each lane works on.

Lanes run over the places of all pictures, one picture behind the other, so that a small
map fills whole tiles together with its neighbours. The last tile's lanes that are too
many work in the last picture once more: they write what is written there anyway.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def places(batch: int, per_picture: int, BLOCK: tl.constexpr) -> tl.tuple:
    """Picture (64 bits, for it is multiplied by its size) and place in it, by lane."""
    lane = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    picture = tl.minimum(lane // per_picture, batch - 1)
    return picture.to(tl.int64), lane % per_picture
