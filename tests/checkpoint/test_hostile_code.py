"""Pickles that ask for code: refused by name in every carrier, and nothing runs."""

from __future__ import annotations

import pickle
import pickletools
from pathlib import Path

import pytest

from ppim_port.checkpoint import pickle_emit as emit
from ppim_port.checkpoint import read
from ppim_port.errors import UnsafeCheckpointError
from tests.checkpoint.canary import payload, watch
from tests.checkpoint.hostile import CARRIERS
from tests.checkpoint.made import pickled, state_opcodes

COMMAND = "@COMMAND@"


def calling(module: str, name: str, *arguments: str, how: bytes = b"R") -> bytes:
    body = b"(" + b"".join(emit.text(a) for a in arguments) + b"t"
    return emit.global_name(module, name) + body + how


def by_stack(module: str, name: str) -> bytes:
    return emit.text(module) + emit.text(name) + b"\x93"


ARGUMENT = b"(" + emit.text(COMMAND) + b"t"
SYSTEM = emit.global_name("os", "system")
NAMESPACE = emit.global_name("argparse", "Namespace") + b")R"

CALLS = {
    "os.system": calling("os", "system", COMMAND),
    "posix.system": calling("posix", "system", COMMAND),
    "nt.system": calling("nt", "system", COMMAND),
    "os.popen": calling("os", "popen", COMMAND),
    "subprocess.Popen": calling("subprocess", "Popen", COMMAND),
    "subprocess.getoutput": calling("subprocess", "getoutput", COMMAND),
    "builtins.eval": calling("builtins", "eval", COMMAND),
    "builtins.exec": calling("builtins", "exec", COMMAND),
    "__builtin__.eval": calling("__builtin__", "eval", COMMAND),
    "builtins.compile": calling("builtins", "compile", COMMAND, "x", "exec"),
    "builtins.__import__": calling("builtins", "__import__", COMMAND),
    "builtins.open": calling("builtins", "open", COMMAND, "w"),
    "builtins.getattr": calling("builtins", "getattr", COMMAND, "x"),
    "builtins.map": calling("builtins", "map", COMMAND),
    "builtins.print": calling("builtins", "print", COMMAND),
    "importlib.import_module": calling("importlib", "import_module", COMMAND),
    "runpy.run_path": calling("runpy", "run_path", COMMAND),
    "operator.attrgetter": calling("operator", "attrgetter", "system"),
    "functools.partial": SYSTEM + b"\x85" + b"0" + calling("functools", "partial", "x"),
    "copyreg._reconstructor": calling("copyreg", "_reconstructor", COMMAND),
    "codecs.decode": calling("_codecs", "decode", COMMAND),
    "numpy.load": calling("numpy", "load", COMMAND),
    "numpy f2py": calling("numpy.f2py.diagnose", "run_command", COMMAND),
    "numpy.fromfile": calling("numpy", "fromfile", COMMAND),
    "torch.load": calling("torch", "load", COMMAND),
    "torch.hub.load": calling("torch.hub", "load", COMMAND, "x"),
    "torch storage bytes": calling("torch.storage", "_load_from_bytes", COMMAND),
    "torch.jit.unpickle": calling("torch.jit._pickle", "build_intlist", COMMAND),
    "paddle.load": calling("paddle", "load", COMMAND),
    "pickle.loads": calling("pickle", "loads", COMMAND),
    "marshal.loads": calling("marshal", "loads", COMMAND),
    "ctypes.CDLL": calling("ctypes", "CDLL", COMMAND),
    "webbrowser.open": calling("webbrowser", "open", COMMAND),
    "shutil.rmtree": calling("shutil", "rmtree", COMMAND),
    "pty.spawn": calling("pty", "spawn", COMMAND),
    "asyncio": calling(
        "asyncio.unix_events", "_UnixSubprocessTransport._start", COMMAND
    ),
    "ppim_port itself": calling("ppim_port.checkpoint", "write", COMMAND),
}
OTHER_WAYS = {
    "STACK_GLOBAL": by_stack("os", "system") + ARGUMENT + b"R",
    "a dotted name": by_stack("os", "system.__call__") + ARGUMENT + b"R",
    "a dotted name, not called": by_stack("os", "path.os.system"),
    "a dotted module": by_stack("os.path.os", "system") + ARGUMENT + b"R",
    "an empty module": by_stack("", "eval") + ARGUMENT + b"R",
    "a name with a newline": by_stack("os", "system\nx") + ARGUMENT + b"R",
    "a name that is no text": emit.text("os") + b"K\x01\x93",
    "a global of non-ASCII": by_stack("öS", "system") + ARGUMENT + b"R",
    "INST": b"(" + emit.text(COMMAND) + b"ios\nsystem\n",
    "OBJ": b"(" + SYSTEM + emit.text(COMMAND) + b"o",
    "NEWOBJ": calling("subprocess", "Popen", COMMAND, how=b"\x81"),
    "NEWOBJ_EX": SYSTEM + ARGUMENT + b"}\x92",
    "NEWOBJ_EX with keywords": emit.global_name("collections", "OrderedDict")
    + b")}"
    + emit.text("a")
    + SYSTEM
    + b"s\x92",
    "EXT1": b"\x82\x01" + ARGUMENT + b"R",
    "EXT2": b"\x83\x01\x00" + ARGUMENT + b"R",
    "EXT4": b"\x84\x01\x00\x00\x00" + ARGUMENT + b"R",
    "BUILD of a global": SYSTEM + b"}b",
    "BUILD with __setstate__": calling("logging", "Handler")
    + b"}"
    + emit.text("__setstate__")
    + SYSTEM
    + b"sb",
    "BUILD of a list": b"]}b",
    "BUILD of text": emit.text("x") + b"}b",
    "calling a result": NAMESPACE + ARGUMENT + b"R",
    "calling text": emit.text("os.system") + ARGUMENT + b"R",
    "calling from the memo": SYSTEM
    + emit.put(0)
    + b"0"
    + emit.get(0)
    + ARGUMENT
    + b"R",
    "reconstructing another class": emit.global_name(
        "numpy.core.multiarray", "_reconstruct"
    )
    + SYSTEM
    + b"K\x00\x85C\x01b\x87R",
    "encoding with another codec": calling("_codecs", "encode", COMMAND, "zlib"),
    "a persistent id as text": b"Pos.system\n",
    "a persistent id that is no tuple": emit.text("storage") + b"Q",
    "a persistent id of another kind": b"("
    + emit.text("module")
    + SYSTEM
    + emit.text("a")
    + emit.text("b")
    + b"K\x01tQ",
    "a persistent id of another class": b"("
    + emit.text("storage")
    + SYSTEM
    + emit.text("0")
    + emit.text("cpu")
    + b"K\x04tQ",
    "a persistent id of an unknown storage": b"("
    + emit.text("storage")
    + emit.global_name("torch", "load")
    + emit.text("0")
    + emit.text("cpu")
    + b"K\x04tQ",
    "protocol 0 text": b"S'x'\n",
    "protocol 0 unicode": b"Vx\n",
    "protocol 0 integer": b"I1\n",
    "protocol 5 bytearray": b"\x96" + (0).to_bytes(8, "little"),
    "protocol 5 buffer": b"\x97",
    "an unknown opcode": b"\xff",
}


def attack(tmp_path: Path, carrier: str, pickle_bytes: bytes) -> tuple[Path, Path]:
    """Write the file, its command aimed at a canary of the same length."""
    canary = tmp_path / "canary"
    command = payload(canary)
    wrong = len(command.encode()).to_bytes(4, "little") + command.encode()
    marker = len(COMMAND).to_bytes(4, "little") + COMMAND.encode()
    path = tmp_path / "net.pth"
    path.write_bytes(CARRIERS[carrier](pickle_bytes.replace(marker, wrong)))
    return path, canary


def assert_refused(tmp_path: Path, carrier: str, pickle_bytes: bytes) -> str:
    path, canary = attack(tmp_path, carrier, pickle_bytes)
    with (
        watch() as events,
        pytest.raises(UnsafeCheckpointError, match=r"Nothing of it was run") as caught,
    ):
        read(path)
    assert events == []
    assert not canary.exists()
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_refused_by_name(tmp_path: Path, carrier: str, name: str) -> None:
    said = assert_refused(tmp_path, carrier, pickled(state_opcodes(CALLS[name])))
    assert "it calls " in said or "odd name" in said


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("name", OTHER_WAYS)
def test_other_ways_to_code_are_refused(
    tmp_path: Path, carrier: str, name: str
) -> None:
    assert_refused(tmp_path, carrier, pickled(state_opcodes(OTHER_WAYS[name])))


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("level", ["meta", "optimizer", "state_dict"])
def test_code_is_refused_wherever_it_lies(
    tmp_path: Path, carrier: str, level: str
) -> None:
    body = state_opcodes(CALLS["os.system"], level)
    assert "os.system" in assert_refused(tmp_path, carrier, pickled(body))


@pytest.mark.parametrize("protocol", [0, 1, 5, 6, 255])
def test_other_protocols_are_refused(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(pickled(state_opcodes(b"N"), protocol))
    with pytest.raises(UnsafeCheckpointError, match=f"pickle protocol {protocol};"):
        read(path)


def test_a_message_never_shows_the_files_own_control_characters(
    tmp_path: Path,
) -> None:
    body = by_stack("os", "\x1b[2J" + "x" * 500) + ARGUMENT + b"R"
    said = assert_refused(tmp_path, "pdparams", pickled(body))
    assert "\x1b" not in said
    assert len(said) < 600


def test_the_canary_sings_when_python_unpickles(tmp_path: Path) -> None:
    """The twin of the tests above: it shows that they could fail."""
    path, canary = attack(
        tmp_path, "pdparams", pickled(state_opcodes(CALLS["os.system"]))
    )
    with watch() as events:
        pickle.loads(path.read_bytes())
    assert "os.system" in events
    assert "pickle.find_class" in events
    assert canary.exists()


def test_most_attacks_are_pickles_that_python_would_run() -> None:
    """Corrupt attacks would be refused for the wrong reason."""
    for body in CALLS.values():
        pickletools.dis(pickled(state_opcodes(body)), out=_Nowhere())


class _Nowhere:
    def write(self, _text: str) -> None:
        pass
