"""Which part of a run is ours, as an existing launcher says in the environment.

`torchrun` and `python -m paddle.distributed.launch` both give each process its rank
and the number of processes; nothing else of theirs is used, and no process talks to
another one: the run folder is where they meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ppim_port.errors import UsageError

_VARIABLES = (
    ("RANK", "WORLD_SIZE"),
    ("PADDLE_TRAINER_ID", "PADDLE_TRAINERS_NUM"),
)


@dataclass(frozen=True, slots=True)
class Shard:
    """A share of a run's batches: every `world`-th one, from number `rank` on."""

    rank: int
    world: int

    def owns(self, batch: int) -> bool:
        """Whether a batch of the run's grid is ours."""
        return batch % self.world == self.rank

    def __str__(self) -> str:
        return f"rank {self.rank} of {self.world}"


ALONE = Shard(0, 1)


def shard_of(environment: Mapping[str, str]) -> Shard:
    """The share of a process; `ALONE` without a launcher.

    Raises:
        UsageError: the variables are there, but make no sense.
    """
    for rank_name, world_name in _VARIABLES:
        if rank_name in environment and world_name in environment:
            rank, world = environment[rank_name], environment[world_name]
            shard = _shard(rank, world)
            if shard is None:
                message = (
                    f"{rank_name}={rank!r} and {world_name}={world!r}: expected a rank "
                    "from 0 and below the number of processes. Nothing was evaluated."
                )
                raise UsageError(message)
            return shard
    return ALONE


def _shard(rank: str, world: str) -> Shard | None:
    if not (rank.isdecimal() and world.isdecimal()):
        return None
    shard = Shard(int(rank), int(world))
    return shard if shard.rank < shard.world else None
