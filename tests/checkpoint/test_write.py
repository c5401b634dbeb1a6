"""What we write, the frameworks' own loaders read to the same bits."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppim_port.checkpoint import FileFormat, Written, read, write
from ppim_port.errors import CheckpointError, UsageError
from tests.checkpoint.frameworks import paddle, torch, torch_numpy
from tests.checkpoint.made import assert_same_bits, small_state

KINDS = pytest.mark.parametrize(
    ("kind", "framework"),
    [("pdparams", "paddle"), ("pth", "torch"), ("safetensors", "paddle")],
    ids=["pdparams", "pth", "safetensors"],
)


def write_small(path: Path, kind: Any, framework: Any) -> Written:
    return write(small_state(), path, kind=kind, framework=framework)


@KINDS
def test_our_reader_gets_the_same_bits_in_order(
    tmp_path: Path, kind: str, framework: str
) -> None:
    written = write_small(tmp_path / "a", kind, framework)
    checkpoint = read(written.path)
    assert_same_bits(checkpoint.state, small_state())
    assert checkpoint.framework == framework


@KINDS
def test_the_record_describes_the_file(
    tmp_path: Path, kind: str, framework: str
) -> None:
    written = write_small(tmp_path / "a", kind, framework)
    content = (tmp_path / "a").read_bytes()
    assert written == Written(tmp_path / "a", sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize("mmap", [False, True])
def test_torch_loads_our_pth_safely(tmp_path: Path, mmap: bool) -> None:
    write_small(tmp_path / "a.pth", "pth", "torch")
    assert_same_bits(torch_numpy(tmp_path / "a.pth", mmap=mmap), small_state())


def test_torch_takes_our_pth_into_a_net(tmp_path: Path) -> None:
    net = torch().nn.BatchNorm1d(3)
    state = {k: np.asarray(v.numpy() + 1) for k, v in net.state_dict().items()}
    write(state, tmp_path / "a.pth", kind="pth", framework="torch")
    net.load_state_dict(torch().load(tmp_path / "a.pth"), strict=True)
    assert int(net.num_batches_tracked) == 1


def test_our_pth_has_torchs_layout(tmp_path: Path) -> None:
    write_small(tmp_path / "a.pth", "pth", "torch")
    with zipfile.ZipFile(tmp_path / "a.pth") as archive:
        assert archive.testzip() is None
        infos = archive.infolist()
        assert archive.read("archive/byteorder") == b"little"
    raw = (tmp_path / "a.pth").read_bytes()
    for info in infos:
        name, extra = (raw[info.header_offset + at] for at in (26, 28))
        start = info.header_offset + 30 + name + extra
        assert start % 64 == 0
        assert info.compress_type == zipfile.ZIP_STORED
        assert info.date_time == (1980, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("as_numpy", [True, False])
def test_paddle_loads_our_pdparams(tmp_path: Path, as_numpy: bool) -> None:
    write_small(tmp_path / "a.pdparams", "pdparams", "paddle")
    loaded = paddle().load(str(tmp_path / "a.pdparams"), return_numpy=as_numpy)
    got = {k: v if as_numpy else v.numpy() for k, v in loaded.items()}
    assert_same_bits(got, small_state())


def test_paddle_takes_our_pdparams_into_a_net(tmp_path: Path) -> None:
    net = paddle().nn.Linear(3, 2)
    state = {k: np.asarray(v.numpy() + 1) for k, v in net.state_dict().items()}
    write(state, tmp_path / "a.pdparams", kind="pdparams", framework="paddle")
    missing, unexpected = net.set_state_dict(
        paddle().load(str(tmp_path / "a.pdparams"))
    )
    assert (missing, unexpected) == ([], [])
    assert np.array_equal(net.bias.numpy(), [1, 1])


def test_our_pdparams_unpickles_with_any_numpy(tmp_path: Path) -> None:
    write_small(tmp_path / "a", "pdparams", "paddle")
    raw = (tmp_path / "a").read_bytes()
    assert b"numpy.core.multiarray" in raw
    assert b"numpy._core" not in raw
    loaded = pickle.loads(raw)
    names = loaded.pop("StructuredToParameterName@@")
    assert names == {key: key for key in small_state()}
    assert_same_bits(loaded, small_state())


def test_the_library_loads_our_safetensors(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    write_small(tmp_path / "a", "safetensors", "torch")
    loaded = load_file(tmp_path / "a")
    expected = small_state()
    assert_same_bits({key: loaded[key] for key in expected}, expected)
    assert len(loaded) == len(expected)


@pytest.mark.parametrize("backwards", [False, True])
def test_our_safetensors_is_the_librarys_own_byte_for_byte(
    tmp_path: Path, backwards: bool
) -> None:
    from safetensors.numpy import save

    rng = np.random.default_rng(3)
    codes = ["b1", "u1", "i1", "i2", "u2", "f2", "i4", "u4", "f4", "f8", "i8", "u8"]
    keys = [f'{name}{n} "\\x' for n in range(len(codes)) for name in "zaüB😀"]
    state = {
        key: np.asarray(rng.random((n % 3, 2) if n % 4 else ()) * 100).astype(
            codes[n % len(codes)]
        )
        for n, key in enumerate(reversed(keys) if backwards else keys)
    }
    metadata = {"b": "ü", "a": "2"}
    write(
        state,
        tmp_path / "a",
        kind="safetensors",
        framework="paddle",
        metadata=metadata,
    )
    noted = {**metadata, "framework": "paddle", "keys": list(state)}
    text = json.dumps(noted, sort_keys=True, separators=(",", ":"))
    assert (tmp_path / "a").read_bytes() == save(state, metadata={"ppim_port": text})


def test_safetensors_notes_framework_and_metadata_under_one_key(
    tmp_path: Path,
) -> None:
    from safetensors import safe_open

    write(
        {"b": np.ones(1), "a": np.ones(1, "f2")},
        tmp_path / "a",
        kind="safetensors",
        framework="paddle",
        metadata={"source": "ü"},
    )
    with safe_open(tmp_path / "a", framework="np") as file:
        assert file.metadata() == {
            "ppim_port": '{"framework":"paddle","keys":["b","a"],"source":"\\u00fc"}'
        }


def test_big_endian_input_is_written_little_endian(tmp_path: Path) -> None:
    value = np.array([1.0, 2.0], ">f4")
    write({"w": value}, tmp_path / "a", kind="pth", framework="torch")
    assert_same_bits(read(tmp_path / "a").state, {"w": value.astype("<f4")})


SAME_BYTES = """
import sys
from pathlib import Path
from ppim_port.checkpoint import write
from tests.checkpoint.made import small_state
for kind, framework in (("pdparams", "paddle"), ("pth", "torch"),
                        ("safetensors", "torch")):
    written = write(small_state(), Path(sys.argv[1]) / kind, kind=kind,
                    framework=framework, metadata={"b": "1", "a": "2"}
                    if kind == "safetensors" else None)
    print(kind, written.sha256)
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    said = set()
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        ran = subprocess.run(
            [sys.executable, "-c", SAME_BYTES, str(folder)],
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        said.add(ran.stdout)
    assert len(said) == 1
    assert said.pop().count("\n") == 3


@pytest.mark.parametrize(
    ("state", "kind", "says"),
    [
        ({}, "pth", "there are no tensors"),
        ({"": np.ones(1)}, "pth", "a key must be text"),
        ({3: np.ones(1)}, "pth", "a key must be text"),
        ({"\ud800": np.ones(1)}, "pth", "not printable"),
        ({"w": [1.0]}, "pth", "list instead of a numpy array"),
        ({"w": np.ones(1, "c8")}, "pdparams", "complex64"),
        ({"w": np.array([{}])}, "pdparams", "object"),
        ({"w": np.ones(1, "u2")}, "pth", "uint16"),
        ({"w": np.ones(1, "M8[s]")}, "safetensors", "datetime64"),
        ({"StructuredToParameterName@@": np.ones(1)}, "pdparams", "reserved"),
        ({"__metadata__": np.ones(1)}, "safetensors", "reserved"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_before_writing(
    tmp_path: Path, state: Any, kind: Any, says: str
) -> None:
    framework: Any = "paddle" if kind == "pdparams" else "torch"
    with pytest.raises(CheckpointError, match=says):
        write(state, tmp_path / "a", kind=kind, framework=framework)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"kind": "pth", "framework": "paddle"}, "holds torch weights"),
        ({"kind": "pdparams", "framework": "torch"}, "holds paddle weights"),
        ({"kind": "onnx", "framework": "torch"}, "cannot write"),
        ({"kind": "pth", "framework": "jax"}, "cannot write"),
        ({"kind": "pth", "framework": "torch", "metadata": {"a": "b"}}, "no place"),
        (
            {"kind": "safetensors", "framework": "torch", "metadata": {"keys": ""}},
            "are ours",
        ),
    ],
)
def test_requests_that_do_not_go_together_are_refused(
    tmp_path: Path, options: Any, says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        write({"w": np.ones(1)}, tmp_path / "a", **options)
    assert list(tmp_path.iterdir()) == []


def test_kinds_name_the_formats_that_are_read_back(tmp_path: Path) -> None:
    state = {"w": np.ones(1)}
    write(state, tmp_path / "a", kind="pth", framework="torch")
    write(state, tmp_path / "b", kind="pdparams", framework="paddle")
    assert read(tmp_path / "a").file_format is FileFormat.PTH_ZIP
    assert read(tmp_path / "b").file_format is FileFormat.PDPARAMS
