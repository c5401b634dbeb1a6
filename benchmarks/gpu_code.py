"""What the GPU kernels' machine code costs, counted without a GPU.

    python -m benchmarks.gpu --code

A multiprocessor of Hopper issues four instructions a clock, each for 32 lanes, and
whatever a kernel waits for, it cannot finish before its instructions are issued. So
instructions an output element, over the rate at which a card issues them, are a lower
bound of the time, as the bytes over the bandwidth are another. Which of the two is
larger says whether a kernel can reach the memory's limit at all.

Instructions are those that Triton's disassembler lists; the one loop of each kernel,
over the taps of a row or a column, counts as often as it runs. Lanes that compute what
another one computes too, at a map's edge, are shared by the elements that remain.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import triton

from benchmarks.gpu_targets import CANDIDATES, GROUP, KERNELS, Build, compiled, launched
from benchmarks.gpu_traffic import REDNET26, Shape, forward
from ppim_port.ops.triton.launch import WIDTHS, rows_for, words_for

TOOL = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
INSTRUCTION = re.compile(r"^\s+/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?(\w[\w.]*)(.*);")
TARGET = re.compile(r"0x([0-9a-f]+)")
REGISTERS = re.compile(r"REG:(\d+) STACK:(\d+)")
# NVIDIA's figures for the SXM boards: bytes a second, and lanes of instructions, which
# are half of the float32 operations.
CARDS = {"H100": (3.35e12, 33.5e12), "H200": (4.8e12, 33.5e12)}
# A stride of 1, with which the loop of every kernel is over K taps.
WITH_GRADIENTS = "stage 1"
Tiles: TypeAlias = tuple[tuple[int, int, int], ...]
HEADER = ("shape", "kernel", "tile", "instructions", "registers", *CARDS)


@dataclass(frozen=True)
class Code:
    """A compiled kernel, an output element at a time (a position and channel).

    Attributes:
        name: the kernel's.
        instructions: by name, weighed by how often they run, for one lane.
        registers: a thread's.
        spilled: bytes of a thread's stack.
    """

    name: str
    instructions: dict[str, float]
    registers: int
    spilled: int

    @property
    def total(self) -> float:
        return sum(self.instructions.values())

    def of_batch(self, build: Build, batch: int) -> float:
        """Instructions for each element of a batch's output."""
        positions = launched(KERNELS[self.name], build, batch)
        return self.total * positions / (batch * build.out_side**2)


def code(name: str, build: Build) -> Code:
    """Compile, disassemble and count a kernel."""
    cubin = compiled(KERNELS[name], build).asm["cubin"]
    counts = _weighed(_tool("-sass", cubin), build.kernel_size)
    registers, spilled = REGISTERS.search(_tool("-res-usage", cubin)).groups()
    elements = build.owned * build.block * GROUP / (build.warps * 32)
    each = {op: count / elements for op, count in counts.items()}
    return Code(name, each, int(registers), int(spilled))


def _tool(option: str, cubin: bytes) -> str:
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [str(TOOL), option, file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def _weighed(listing: str, trips: int) -> Counter[str]:
    """How often each instruction runs; a jump backwards closes a loop."""
    found = map(INSTRUCTION.match, listing.splitlines())
    parsed = [(int(m[1], 16), m[2], m[3]) for m in found if m]
    loops = []
    for at, op, rest in parsed:
        target = TARGET.search(rest) if op.startswith("BRA") else None
        # The last instruction jumps to itself.
        if target and int(target[1], 16) < at:
            loops.append((int(target[1], 16), at))
    counts: Counter[str] = Counter()
    for at, op, _ in parsed:
        if op != "NOP":
            inside = sum(begin <= at <= end for begin, end in loops)
            counts[op] += trips**inside
    return counts


def rows(dtype: str, memory_format: str, batch: int) -> Iterator[list[str]]:
    """For each shape, the tile with the fewest instructions, and what it allows.

    Forward; both gradients of `WITH_GRADIENTS`, which move as many bytes.
    """
    size = 4 if dtype == "float32" else 2
    last = memory_format == "channels_last"
    work = [(shape, _forward_kernel(shape, channels_last=last)) for shape in REDNET26]
    of = next(shape for shape in REDNET26 if shape.name == WITH_GRADIENTS)
    gradients = ("backward_input", "backward_weight")
    work += [(of, (name, CANDIDATES[name])) for name in gradients]
    for shape, kernel in work:
        build, found = best(shape, kernel, dtype, batch, channels_last=last)
        each = found.of_batch(build, batch)
        moved = size * forward(shape, 1) / shape.outputs(1)
        shares = [
            f"{min(1.0, moved / bandwidth / (each / lanes)):.0%}"
            for bandwidth, lanes in CARDS.values()
        ]
        tile = f"{build.owned} x {build.block} x {build.warps}"
        cells = [f"{each:.0f}", str(found.registers), *shares]
        yield [shape.name, found.name, tile, *cells]


def _forward_kernel(shape: Shape, *, channels_last: bool) -> tuple[str, Tiles]:
    word = _word(shape)
    if word and not channels_last:
        return "forward_words", words_for(word, shape.out_side)
    return "forward", rows_for(shape.out_side)


def _word(shape: Shape) -> int | None:
    both = (shape.side, shape.out_side)
    return next((w for w in WIDTHS if not any(side % w for side in both)), None)


def best(
    shape: Shape,
    kernel: tuple[str, Tiles],
    dtype: str,
    batch: int,
    *,
    channels_last: bool,
) -> tuple[Build, Code]:
    """The tile with the fewest instructions for a batch, and its code."""
    name, tiles = kernel
    builds = [
        Build(
            dtype,
            channels_last=channels_last,
            channels=shape.channels,
            side=shape.side,
            kernel_size=shape.kernel_size,
            stride=shape.stride,
            owned=owned,
            word=_word(shape),
            block=block,
            warps=warps,
        )
        for owned, block, warps in tiles
    ]
    found = [(build, code(name, build)) for build in builds]
    return min(found, key=lambda pair: pair[1].of_batch(pair[0], batch))
