"""Words: neighbouring columns that one load brings, taken apart in registers.

In NCHW a thread that owns COLUMNS neighbouring output columns sees K + COLUMNS - 1
input columns a row. Loaded as aligned words they are a few instructions of up to 16
bytes instead of K * COLUMNS of one element each.

bfloat16 is loaded in pairs, as integers: each half becomes a float32 by one shift or
one mask, where the compiler's own conversion takes two instructions.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.constexpr_function
def first_word(reach: int, word: int) -> int:
    """The word, from a thread's own first, in which its window begins."""
    return -reach // word


@triton.constexpr_function
def last_word(reach: int, columns: int, stride: int, word: int) -> int:
    """The word, from a thread's own first, in which its window ends."""
    return ((columns - 1) * stride + reach) // word


@triton.jit
def load_word(
    pointer: tl.tensor, mask: tl.tensor, WORD: tl.constexpr, SUM: tl.constexpr
) -> tl.tuple:
    """The WORD elements from each pointer on, a tensor like `pointer` for each.

    Args:
        pointer: `[A, B]`, aligned to a word.
        mask: `[A, B]` or what broadcasts to it; elsewhere the elements are 0.
        WORD: 1, 2 or 4.
        SUM: the dtype of the result.
    """
    # Triton compiles what follows a `return` too, hence the branches.
    if WORD == 1:
        found = (tl.load(pointer, mask=mask, other=0.0).to(SUM),)
    elif pointer.dtype.element_ty == tl.bfloat16:
        half: tl.constexpr = WORD // 2
        pairs = pointer.to(tl.pointer_type(tl.int32))[:, :, None]
        pairs += tl.arange(0, half)[None, None, :]
        apart = _apart(tl.load(pairs, mask=mask[:, :, None], other=0), half)
        found = ()
        for p in tl.static_range(half):
            found += _widened(apart[p])
    else:
        elements = pointer[:, :, None] + tl.arange(0, WORD)[None, None, :]
        word = tl.load(elements, mask=mask[:, :, None], other=0.0).to(SUM)
        found = _apart(word, WORD)
    return found


@triton.jit
def load_channels(
    pointer: tl.tensor, mask: tl.tensor, PAIRS: tl.constexpr, SUM: tl.constexpr
) -> tl.tuple:
    """What each pointer holds: a channel, or, where PAIRS, two of bfloat16.

    Args:
        pointer: `[A, B]`, to elements, or to 32 bits of two of them.
        mask: `[A, B]`; elsewhere the elements are 0.
        PAIRS: whether there are two, the even channel first.
        SUM: the dtype of the result.
    """
    if PAIRS:
        found = _widened(tl.load(pointer, mask=mask, other=0))
    else:
        found = load_word(pointer, mask, 1, SUM)
    return found


@triton.jit
def _widened(pair: tl.tensor) -> tl.tuple:
    """Two neighbours of bfloat16 as float32; the first is the lower half."""
    first = (pair << 16).to(tl.float32, bitcast=True)
    second = (pair & -65536).to(tl.float32, bitcast=True)
    return first, second


@triton.jit
def _apart(word: tl.tensor, COUNT: tl.constexpr) -> tl.tuple:
    """`[A, B, COUNT]` as COUNT tensors of `[A, B]`; COUNT is 1, 2 or 4."""
    if COUNT == 1:
        found = (tl.reshape(word, word.shape[0], word.shape[1]),)
    elif COUNT == 2:
        found = tl.split(word)
    else:
        even, odd = tl.split(tl.reshape(word, word.shape[0], word.shape[1], 2, 2))
        first, third = tl.split(even)
        second, fourth = tl.split(odd)
        found = (first, second, third, fourth)
    return found


@triton.jit
def store_word(
    pointer: tl.tensor,
    columns: tl.tuple,
    mask: tl.tensor,
    WORD: tl.constexpr,
) -> None:
    """Store WORD tensors of `[A, B]` behind each other, from each pointer on."""
    kind: tl.constexpr = pointer.dtype.element_ty
    if WORD == 1:
        tl.store(pointer, columns[0].to(kind), mask=mask)
    else:
        if WORD == 2:
            word = tl.join(columns[0].to(kind), columns[1].to(kind))
        else:
            even = tl.join(columns[0].to(kind), columns[2].to(kind))
            odd = tl.join(columns[1].to(kind), columns[3].to(kind))
            pairs = tl.join(even, odd)
            word = tl.reshape(pairs, pairs.shape[0], pairs.shape[1], WORD)
        elements = pointer[:, :, None] + tl.arange(0, WORD)[None, None, :]
        tl.store(elements, word, mask=mask[:, :, None])
