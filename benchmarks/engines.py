"""rednet26 by inference engine, beside our inference form, measured in the same run.

    python -m benchmarks.engines

One picture at a time on one thread; a process of its own for each variant, in turns, so
that a busy machine hits all alike: medians, and ratios to our form in float32. Beside
each time stands its largest difference to the float64 net, of the largest logit. An
engine that is not installed is left out, and named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.limits import seconds
from benchmarks.measure import machine
from ppim_port.table import table

# Variant -> the package that it needs, and the export that it runs.
VARIANTS = {
    "inference form, C++, fp32": ("torch", ""),
    "inference form, C++, bf16": ("torch", ""),
    "ONNX Runtime, plain": ("onnxruntime", "plain.onnx"),
    "ONNX Runtime, fused": ("onnxruntime", "fused.onnx"),
    "OpenVINO, fused, fp32": ("openvino", "fused.onnx"),
    "OpenVINO, fused, bf16": ("openvino", "fused.onnx"),
    "paddle.inference": ("paddle", "static"),
    "paddle.inference, oneDNN": ("paddle", "static"),
}
FIRST = next(iter(VARIANTS))
SIDE = 224
ROUNDS = 3

Run = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS)
    parser.add_argument("--folder", type=Path, help="of the exports")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    if options.variant:
        print(json.dumps(_measure(options.variant, options.folder)))
        return
    print(machine())
    here = {name: there for name, there in VARIANTS.items() if find_spec(there[0])}
    for name in VARIANTS.keys() - here.keys():
        print(f"left out: {name}, for {VARIANTS[name][0]} is not installed")
    with tempfile.TemporaryDirectory() as folder:
        _in_a_process("--variant", FIRST, "--folder", folder, prepare=True)
        found = {name: [] for name in here}
        for _ in range(options.rounds):
            for name in here:
                got = _in_a_process("--variant", name, "--folder", folder)
                print(f"{name}: {got[0] * 1e3:.1f} ms, {got[1]:.1e}", file=sys.stderr)
                found[name].append(got)
    first = median(time for time, _ in found[FIRST])
    rows = []
    for name, runs in found.items():
        time, difference = median(t for t, _ in runs), max(d for _, d in runs)
        cells = [f"{time * 1e3:.1f}", f"{time / first:.2f}", f"{difference:.1e}"]
        rows.append([name, *cells])
    print(table(["variant", "ms a picture", "times ours", "off by"], rows))


def _in_a_process(*words: str, prepare: bool = False) -> tuple[float, float]:
    code = "import benchmarks.engines as e, sys; e.prepare(sys.argv[-1])"
    start = ["-c", code] if prepare else ["-m", "benchmarks.engines"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *start, *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return (0.0, 0.0) if prepare else tuple(json.loads(done.stdout.splitlines()[-1]))


def prepare(folder: str) -> None:
    """Write the exports, each verified, and the float64 logits."""
    from ppim_port.export.nets import pictures
    from ppim_port.export.onnx_file import export_onnx

    model = _live("torch")
    for name in ("plain", "fused"):
        path = Path(folder) / f"{name}.onnx"
        export_onnx(model, path, batch=1, fused=name == "fused")
    backend, config, state = _parts("torch")
    net = backend.build(config, precision="float64")
    backend.load(net, state)
    images = pictures(4, SIDE)
    logits = backend.predict(net, images.astype(np.float64))
    np.savez(Path(folder) / "known.npz", images=images, logits=logits)
    if find_spec("paddle"):
        from ppim_port.export.static_paddle import export_paddle_static

        export_paddle_static(_live("paddle"), Path(folder) / "static", batch=1)


def _measure(variant: str, folder: Path) -> tuple[float, float]:
    warnings.simplefilter("ignore")
    known = np.load(folder / "known.npz")
    images, logits = known["images"], known["logits"]
    export = VARIANTS[variant][1]
    run = _caller(variant, folder / export)
    found = np.concatenate([run(images[at : at + 1]) for at in range(len(images))])
    gap = np.abs(found - logits).max(axis=1) / np.abs(logits).max(axis=1)
    return seconds(lambda: run(images[:1]), budget=4), float(gap.max())


def _caller(variant: str, export: Path) -> Run:
    if variant.startswith("inference form"):
        backend, config, _ = _parts("torch")
        precision = "bfloat16" if variant.endswith("bf16") else "float32"
        form = backend.fuse(_live("torch"), config, precision=precision)
        return form.predict
    if variant.startswith("ONNX"):
        return _onnx_runtime(export)
    if variant.startswith("OpenVINO"):
        return _openvino(export, "bf16" if variant.endswith("bf16") else "f32")
    from ppim_port.export.static_paddle import predictor

    return predictor(export, onednn=variant.endswith("oneDNN"))


def _onnx_runtime(path: Path) -> Run:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"images": images})[0]


def _openvino(path: Path, precision: str) -> Run:
    import openvino as ov

    # Without the hint a processor with bf16 instructions computes in bf16.
    settings = {
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": precision,
    }
    net = ov.Core().compile_model(path, "CPU", settings)
    return lambda images: net(images)[0]


def _live(framework: str):
    backend, config, state = _parts(framework)
    model = backend.build(config)
    backend.load(model, state)
    return model


@cache
def _parts(framework: str):
    """Backend, configuration and seeded weights of a rednet26, the same net in both."""
    from benchmarks.evaluation import seeded_weights
    from ppim_port.backends import get_backend
    from ppim_port.mapping import apply, describe, plan

    state = seeded_weights("torch")
    mapping = plan(
        describe(state),
        family="rednet",
        variant="26",
        source_framework="torch",
        target_framework=framework,
    )
    return get_backend(framework), mapping.config, apply(mapping, state)


if __name__ == "__main__":
    main()
