"""`export_paddle_static`: a live net to a verified folder of Paddle's static graph.

A folder, since the graph and its weights are two files, and only a folder gets its name
in one step.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from ppim_port.backends.paddle import paddle
from ppim_port.checkpoint import sha256_file
from ppim_port.errors import OutputError, OutputExistsError, UsageError
from ppim_port.export.nets import (
    Run,
    Subject,
    batches,
    metadata,
    reference,
    subject_of,
    verify,
)
from ppim_port.export.records import IMAGE_SIZE, Batch, Exported, check_batch
from ppim_port.state_dict import Array

# What Paddle's own tools call the files of a folder.
STEM = "inference"
ABOUT = "ppim_port.json"
INPUT = "images"


def export_paddle_static(
    model: Any,
    path: str | Path,
    *,
    batch: Batch = "dynamic",
    image_size: int | None = None,
    weights: Path | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write a net as a folder for `paddle.inference`, and prove it first.

    The folder has `inference.json`, the graph, `inference.pdiparams`, its weights, and
    `ppim_port.json`, what they are. The logits of `paddle.jit.load` and of
    `paddle.inference`, as it is, optimised, and with oneDNN, are compared with the
    net's own in float32 and in float64.

    Args:
        model: a net of `create_model`, of Paddle.
        path: of the folder.
        batch: pictures at once, or "dynamic" for any number.
        image_size: pixels of a side; None takes what the net was made for.
        weights: the file that the net was loaded from, to be named in the metadata.
        overwrite: whether an older export at `path` may be replaced.

    Returns:
        What was written, with every check that it passed.

    Raises:
        UsageError: no Paddle net of ours.
        InputSizeError: a size that the net cannot take.
        VerificationError: one of the ways disagrees; nothing was written.
        OutputExistsError: something is at `path`, or something else than an export is
            to be replaced.
        OutputError: the folder cannot be written.
    """
    check_batch(batch)
    subject = subject_of(model, image_size, IMAGE_SIZE)
    if subject.backend.name != "paddle":
        message = (
            "Paddle's static graph is made of a net of Paddle, and this is one of "
            "PyTorch: load its weights with framework='paddle'. Nothing was written."
        )
        raise UsageError(message)
    target = Path(path)
    _refuse(target, overwrite)
    about = metadata(
        subject,
        form="paddle-static",
        versions={"paddle": subject.backend.version()},
        weights=weights,
    )
    known = reference(subject, max(batches(batch)))
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        message = f"{target}: cannot be written: {error.strerror or error}."
        raise OutputError(message) from error
    try:
        _save(subject, draft, batch)
        (draft / ABOUT).write_text(json.dumps(about, indent=2) + "\n", "utf-8")
        checks = verify(list(_ways(draft)), known, batch, target)
        size = sum(file.stat().st_size for file in draft.iterdir())
        digest = sha256_file(draft / f"{STEM}.pdiparams")
        _publish(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return Exported(target, size, digest, about, checks)


def _refuse(target: Path, overwrite: bool) -> None:
    if not target.exists() and not target.is_symlink():
        return
    # What is removed for good must be what this function makes.
    ours = target.is_dir() and (target / ABOUT).is_file()
    if overwrite and ours:
        return
    way = "pass overwrite (--force)" if ours else "it is no export; name another"
    message = f"{target} exists: {way}. Nothing was written."
    raise OutputExistsError(message)


def _save(subject: Subject, folder: Path, batch: Batch) -> None:
    size, family = subject.image_size, subject.config.family
    net = subject.backend.build(subject.config)
    subject.backend.load(net, subject.state)
    shape = [None if batch == "dynamic" else batch, 3, size, size]
    spec = [paddle.static.InputSpec(shape, "float32", INPUT)]
    # Sizes are numbers here, and of two functions of one name, one that a class has and
    # one beside it, Paddle's translator takes the wrong one (3.3.1).
    paddle.jit.ignore_module([import_module(f"ppim_port.models.{family}.family")])
    with _quiet():
        paddle.jit.save(net, str(folder / STEM), input_spec=spec)


def _ways(folder: Path) -> Iterator[tuple[str, Run]]:
    with _quiet():
        net: Any = paddle.jit.load(str(folder / STEM))
    net.eval()

    def loaded(images: Array) -> Any:
        with paddle.no_grad():
            return net(paddle.to_tensor(images)).numpy()

    version = paddle.version.full_version
    yield f"paddle.jit.load {version}", loaded
    for name, optimised, onednn in (
        ("not optimised", False, False),
        ("optimised", True, False),
        ("optimised, oneDNN", True, True),
    ):
        run = predictor(folder, optimised=optimised, onednn=onednn)
        yield f"paddle.inference {version}, {name}", run


def predictor(folder: Path, *, optimised: bool = True, onednn: bool = False) -> Run:
    """Paddle's inference engine on a folder, on one thread of the CPU.

    Args:
        folder: of `export_paddle_static`.
        optimised: let it rewrite the graph.
        onednn: let oneDNN's kernels run it.

    Returns:
        Images `[N, 3, H, W]`, float32, to logits.
    """
    from paddle import inference

    config = inference.Config(
        str(folder / f"{STEM}.json"), str(folder / f"{STEM}.pdiparams")
    )
    config.disable_gpu()
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(1)
    config.switch_ir_optim(optimised)
    if onednn:
        config.enable_mkldnn()
    else:
        config.disable_mkldnn()
    with _quiet():
        engine = inference.create_predictor(config)

    def run(images: Array) -> Array:
        entry = engine.get_input_handle(engine.get_input_names()[0])
        entry.reshape(images.shape)
        entry.copy_from_cpu(images)
        engine.run()
        leaving = engine.get_output_handle(engine.get_output_names()[0])
        logits: Array = leaving.copy_to_cpu()
        return logits

    return run


def _publish(draft: Path, target: Path) -> None:
    # `mkdtemp` makes a folder that nobody else can read.
    draft.chmod(0o777 & ~_umask())
    old = None
    if target.exists():
        old = draft.with_name(f"{draft.name}.old")
        target.rename(old)
    try:
        draft.rename(target)
    except OSError as error:
        if old is not None:
            old.rename(target)
        message = f"{target}: cannot be written: {error.strerror or error}. "
        raise OutputError(message + "What was there before is unchanged.") from error
    if old is not None:
        shutil.rmtree(old)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what Paddle warns of, and what its C++ writes past Python's streams."""
    with warnings.catch_warnings(), Path(os.devnull).open("wb") as nowhere:
        warnings.simplefilter("ignore")
        sys.stdout.flush()
        kept = [os.dup(stream) for stream in (1, 2)]
        try:
            for stream in (1, 2):
                os.dup2(nowhere.fileno(), stream)
            yield
        finally:
            for stream, old in zip((1, 2), kept, strict=True):
                os.dup2(old, stream)
                os.close(old)
