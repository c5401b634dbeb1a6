"""The inert things that a checkpoint's pickle may describe.

They hold what the file says and do nothing. None compares by value or hashes its
contents: a hostile graph may be nested too deeply to walk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A name that another unpickler would import; here it stays a name."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class LongText:
    """Text that nobody has needed yet, as UTF-8."""

    data: memoryview


@dataclass(frozen=True, slots=True, eq=False)
class Latin1:
    """Bytes disguised as text, which is how protocol 2 stores them."""

    text: LongText


@dataclass(frozen=True, slots=True, eq=False)
class Inert:
    """An object that we can name and have no use for."""

    what: str


@dataclass(slots=True, eq=False)
class Dtype:
    """A numpy dtype: its code, byte order, and whether it is a plain one."""

    code: str
    order: str = "|"
    plain: bool = True


@dataclass(slots=True, eq=False)
class NdArray:
    """A numpy array as pickled; `data` is whatever the pickle holds there."""

    shape: object = ()
    dtype: object = None
    fortran: object = False
    data: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """The flat run of elements behind torch tensors.

    Attributes:
        code: The elements' dtype, a key of `dtypes.TORCH_STORAGES`' values.
        key: Its name inside the file.
        numel: Its number of elements.
    """

    code: str
    key: str
    numel: int


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A torch tensor: a strided window on a storage.

    Attributes:
        storage: The elements.
        offset: First element.
        shape: Sizes.
        stride: Elements from one entry to the next, per axis.
        lazy_bits: Whether a pending conjugation or negation is asked for.
    """

    storage: object
    offset: object
    shape: object
    stride: object
    lazy_bits: bool = False


Stored: TypeAlias = Tensor | NdArray
