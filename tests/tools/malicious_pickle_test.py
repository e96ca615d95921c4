# SPDX-License-Identifier: Apache-2.0
"""Pickles that would run something if Python loaded them: the program refuses each, says why, and runs
nothing.

    python3 malicious_pickle_test.py build/gptj
"""
import io
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

PROGRAM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "gptj"
LEGACY_HEAD = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}."
CONFIG = b"""{"model_type": "gptj", "vocab_size": 7, "n_positions": 8, "n_embd": 4, "n_layer": 1,
              "n_head": 2, "rotary_dim": 2}"""


class Call:
    """Pickles as a call of `function` with `arguments`."""
    def __init__(self, function, *arguments, state=None):
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self):
        return self.parts


class New:
    """Pickles by NEWOBJ."""


def text(string):
    return b"X" + struct.pack("<I", len(string)) + string.encode()


def short(string):
    return b"\x8c" + bytes([len(string)]) + string.encode()


def archive(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as zipped:
        zipped.writestr("archive/data.pkl", data)
        zipped.writestr("archive/version", "3\n")
    return file.getvalue()


class MaliciousPickles(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="gptj-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.canary = os.path.join(self.folder, "canary")
        self.command = "touch " + self.canary
        self.write("config.json", CONFIG)

    def write(self, name, content):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(content)

    def refused(self, data, *words):
        """Both kinds of file around a pickle, given as a folder and as a path."""
        for content in (archive(data), LEGACY_HEAD + data):
            self.write("pytorch_model.bin", content)
            for path in (self.folder, os.path.join(self.folder, "pytorch_model.bin")):
                done = subprocess.run([PROGRAM, "inspect", path], capture_output=True, timeout=60,
                                      text=True, check=False)
                self.assertEqual(done.returncode, 1, done)
                for word in words:
                    self.assertIn(word, done.stderr)
        self.assertFalse(os.path.exists(self.canary))

    def test_the_canary_would_sing(self):
        pickle.loads(pickle.dumps(Call(os.system, self.command)))
        self.assertTrue(os.path.exists(self.canary))

    def test_calls(self):
        for protocol in range(2, 6):
            self.refused(pickle.dumps(Call(os.system, self.command), protocol), "posix.system",
                         "ran nothing")
            self.refused(pickle.dumps({"wte.weight": Call(os.system, self.command)}, protocol),
                         "posix.system")
            source = f"__import__('os').system({self.command!r})"
            self.refused(pickle.dumps(Call(eval, source), protocol), ".eval")
            self.refused(pickle.dumps(Call(exec, source), protocol), ".exec")
            nested = Call(getattr, Call(__import__, "os"), "system")
            self.refused(pickle.dumps(nested, protocol), ".getattr")
            self.refused(pickle.dumps([Call(subprocess.call, ["touch", self.canary])], protocol),
                         ".call")
            self.refused(pickle.dumps(Call(list, (), state={"a": Call(os.system, self.command)}),
                                      protocol), ".list")
            self.refused(pickle.dumps(New(), protocol), "New")

    def test_opcodes(self):
        command = text(self.command)
        self.refused(b"\x80\x02cos\nsystem\n" + command + b"\x85R.", '"os.system"')
        self.refused(b"\x80\x04" + short("os") + short("system") + b"\x93" + command + b"\x85R.",
                     '"os.system"')
        self.refused(b"\x80\x02(S'" + self.command.encode() + b"'\nios\nsystem\n.", "opcode STRING")
        self.refused(b"\x80\x02(" + command + b"ios\nsystem\n.", "opcode INST")
        self.refused(b"\x80\x02(" + command + b"o.", "opcode OBJ")
        self.refused(b"\x80\x02ccollections\nOrderedDict\n)\x81.", "opcode NEWOBJ")
        self.refused(b"\x80\x02ccollections\nOrderedDict\n)}\x92.", "opcode NEWOBJ_EX")
        self.refused(b"\x80\x02\x82\x01.", "opcode EXT1")
        self.refused(b"\x80\x02\x83\x01\x00.", "opcode EXT2")
        self.refused(b"\x80\x02\x84\x01\x00\x00\x00.", "opcode EXT4")
        self.refused(b"\x80\x02Pstorage\n.", "opcode PERSID")

    def test_persistent_ids(self):
        head = b"\x80\x02}" + text("wte.weight") + b"ctorch._utils\n_rebuild_tensor_v2\n("
        tail = b"K\x00K\x01\x85K\x01\x85\x89}tRs."
        for identity, word in (
                (b"N", "found None"), (b")", "found a tuple of 0 values"), (text("storage"), "found the"),
                (b"(" + text("module") + b"NNNNt", "found the text"),
                (b"(" + text("storage") + b"NNNNt", "found None"),
                (b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("../../etc/passwd") +
                 text("cpu") + b"K\x01t", "expected a plain name"),
                (b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") +
                 b"J\xff\xff\xff\xfft", "expected a whole number")):
            self.refused(head + identity + b"Q" + tail, word)

    def test_bombs(self):
        laughs = text("lol") + b"q\x00"
        for level in range(1, 200):
            laughs += b"(" + (b"h" + bytes([level - 1])) * 10 + b"tq" + bytes([level])
        self.refused(b"\x80\x02(" + laughs + b"t.", "expected a state_dict")
        self.refused(b"\x80\x02N" + b"\x85" * 5_000_000 + b".", "more than 1000000 values")
        self.refused(b"\x80\x02" + b"(" * 5_000_000 + b".", "the stack exceeds")
        self.refused(b"\x80\x02]q\x00" + b"h\x00a" * 100_000 + b".", "expected a state_dict")
        self.refused(b"\x80\x02Nr\xff\xff\xff\xff.", "expected a state_dict")
        self.refused(b"\x80\x02\x8d" + b"\xff" * 8 + b".", "a text of")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[2:])
