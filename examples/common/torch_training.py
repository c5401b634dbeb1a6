"""Training in PyTorch, resumable after every epoch; `paddle_training.py` is its twin.

On a CPU with a fixed number of threads, a run that was killed and started again ends
with the bits of one that was not: batches and learning rates are functions of the
step, and random numbers begin anew with each epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from examples.common.batches import Batches
from examples.common.plan import Plan
from examples.common.run_folder import Row, Run
from ppim_port.backends.torch import BACKEND
from ppim_port.state_dict import StateDict


@dataclass(slots=True)
class Score:
    """Sums over pictures, divided once."""

    pictures: int = 0
    loss: float = 0.0
    top1: int = 0
    top5: int = 0

    def add(
        self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor
    ) -> None:
        """Count a batch: its mean loss, logits `[n, classes]`, labels `[n]`."""
        best = logits.detach().topk(min(5, logits.shape[1]), dim=1).indices
        hits = best == labels[:, None]
        self.pictures += len(labels)
        self.loss += float(loss.detach()) * len(labels)
        self.top1 += int(hits[:, 0].sum())
        self.top5 += int(hits.sum())


def fit(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    plan: Plan,
    run: Run,
    *,
    penalty: Callable[[], torch.Tensor | float] = lambda: 0.0,
) -> None:
    """Train to the end, from wherever the run stands.

    Args:
        net: on the device where it shall learn.
        optimizer: of the net; a group's "scale", if any, multiplies its rate.
        plan: data, schedule, seed.
        run: where checkpoints go.
        penalty: a term of the training loss beside the cross-entropy.
    """
    if run.epoch:
        weights, moments = run.load()
        BACKEND.load(net, weights)
        load_moments(net, optimizer, moments)
    for epoch in range(run.epoch, plan.epochs):
        start = time.perf_counter()
        torch.manual_seed(plan.seed + epoch)
        learned, rate = train_epoch(net, optimizer, plan, epoch, penalty)
        tested = evaluate(net, plan.test)
        seconds = time.perf_counter() - start
        row = _row(epoch, rate, learned, tested, seconds)
        run.commit(BACKEND.state(net), moments_of(net, optimizer), row)
        plan.say(row)
    run.finish()


def train_epoch(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    plan: Plan,
    epoch: int,
    penalty: Callable[[], torch.Tensor | float],
) -> tuple[Score, float]:
    """Once through the training pictures.

    Returns:
        The score while learning, and the last learning rate.
    """
    device = next(net.parameters()).device
    net.train()
    score, rate = Score(), 0.0
    plan.train.epoch = epoch
    with plan.bar(epoch) as bar:
        for step, (images, labels) in enumerate(plan.train):
            rate = plan.rate(epoch, step)
            for group in optimizer.param_groups:
                group["lr"] = rate * group.get("scale", 1.0)
            x, y = (
                torch.from_numpy(images).to(device),
                torch.from_numpy(labels).to(device),
            )
            logits = net(x)
            loss = functional.cross_entropy(logits, y) + penalty()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            score.add(loss, logits, y)
            bar.update()
    return score, rate


@torch.no_grad()
def evaluate(net: nn.Module, batches: Batches) -> Score:
    """Once through the test pictures."""
    device = next(net.parameters()).device
    net.eval()
    score = Score()
    for images, labels in batches:
        x, y = torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)
        logits = net(x)
        score.add(functional.cross_entropy(logits, y), logits, y)
    return score


def moments_of(net: nn.Module, optimizer: torch.optim.Optimizer) -> StateDict:
    """The optimizer's tensors by parameter: "fc.weight/momentum_buffer" and so on."""
    return {
        f"{name}/{key}": value.numpy(force=True)
        for name, parameter in net.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
        if isinstance(value, torch.Tensor)
    }


def load_moments(
    net: nn.Module, optimizer: torch.optim.Optimizer, moments: StateDict
) -> None:
    """Put back what `moments_of` took out."""
    parameters = dict(net.named_parameters())
    for key, value in moments.items():
        name, _, moment = key.partition("/")
        # Adam counts its steps on the CPU, wherever the parameter is.
        device = "cpu" if value.ndim == 0 else parameters[name].device
        tensor = torch.from_numpy(value.copy()).to(device)
        optimizer.state[parameters[name]][moment] = tensor


def _row(epoch: int, rate: float, learned: Score, tested: Score, seconds: float) -> Row:
    return Row(
        epoch=epoch + 1,
        lr=rate,
        train_loss=learned.loss / learned.pictures,
        train_top1=100 * learned.top1 / learned.pictures,
        test_loss=tested.loss / tested.pictures,
        test_top1=100 * tested.top1 / tested.pictures,
        test_top5=100 * tested.top5 / tested.pictures,
        seconds=round(seconds, 1),
    )
