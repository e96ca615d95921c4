#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Manual pages and completions, asked by those who read them: documents_test.py PROGRAM mandoc|man|bash|zsh|fish

Each shell completes words in a terminal of its own; a function in the place of gptj writes down the arguments that it
was called with. Exit code 77: the reader is not installed.
"""
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = os.path.abspath(sys.argv[1])
TYPES = "bf16 f16 f32 int4 int8"

# What is typed, and the words that must result. "\t" completes.
TYPED = [
    ("gptj perpl\t x", ["perplexity", "x"]),
    ("gptj complete --weig\t int4 x", ["complete", "--weights", "int4", "x"]),
    ("gptj complete --weights b\t x", ["complete", "--weights", "bf16", "x"]),
    ("gptj complete --overflow sl\t x", ["complete", "--overflow", "slide", "x"]),
    ("gptj complete --template al\t x", ["complete", "--template", "alpaca", "x"]),
    ("gptj bench --synthetic gpt\t", ["bench", "--synthetic", "gpt-j-6b"]),
    ("gptj complete --isa porta\t x", ["complete", "--isa", "portable", "x"]),
    ("gptj batch --res\t", ["batch", "--resume"]),
    ("gptj inspect --model a\\ mo\t", ["inspect", "--model", "a model.bin"]),
    ("gptj perplexity held\t", ["perplexity", "heldout.txt"]),
    ("gptj complete --model=held\t x", ["complete", "--model=heldout.txt", "x"]),
    ("gptj complete --kv-cache=i\t x", ["complete", "--kv-cache=int8", "x"]),
    # The prompt is free text, no name of a file.
    ("gptj complete held\t", ["complete", "held"]),
    ("gptj complete --top-k held\t", ["complete", "--top-k", "held"]),
]


def printed(*arguments):
    return subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, text=True).stdout


def check(condition, *what):
    if not condition:
        sys.exit(" ".join(map(str, what)))


def pages():
    names = printed("manual").split()
    commands = re.findall(r"^  (\w+)  ", printed("--help").split("Subcommands")[-1], re.MULTILINE)
    check(set(names) == {"gptj.1", "gptj-request.5"} | {f"gptj-{name}.1" for name in commands}, "pages:", names)
    return {name: printed("manual", name) for name in names}


def check_pages(command, environment=None):
    """A page has no warning, and what --help says."""
    for name, page in pages().items():
        with tempfile.NamedTemporaryFile("w", suffix=name[-2:]) as file:
            file.write(page)
            file.flush()
            done = subprocess.run([*command, file.name], capture_output=True, text=True,
                                  env={**os.environ, **(environment or {})})
        check(done.returncode == 0 and done.stderr == "", name, done.stderr, done.stdout)
        done.stdout = " ".join(re.sub("\x1b\\[[0-9;]*m|.\b", "", done.stdout).split())  # bold, justified
        if "-Tlint" in command:
            check(done.stdout == "", name, done.stdout)
            continue
        if name == "gptj-complete.1":
            for option in re.findall(r"--[a-z-]+", printed("complete", "--help")):
                check(option in done.stdout, f"{name} has no {option}")
            for word in ("NAME", "GPTJ_MODEL", "143", "f32, f16, bf16, int8 or int4", 'gptj complete "Once upon'):
                check(word in done.stdout, f"{name} has no {word}")
        if name == "gptj-request.5":
            for word in ("max_tokens (integer)", "logit_bias", "slide", '{"prompt": "Once upon a time"'):
                check(word in done.stdout, f"{name} has no {word}")


class Terminal:
    """A shell in a terminal: what is typed, as lines."""

    def __init__(self, command, folder):
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        self.log = os.path.join(folder, "log")
        self.process, self.descriptor = pty.fork()
        if self.process == 0:
            os.chdir(os.path.join(folder, "files"))
            os.execvpe(command[0], command, environment)

    def read(self, seconds):
        os.set_blocking(self.descriptor, False)
        text, end = b"", time.time() + seconds
        while time.time() < end:
            try:
                text += os.read(self.descriptor, 10000)
            except BlockingIOError:
                time.sleep(0.02)
            except OSError:
                break
        return text

    def type(self, text):
        """Types, and presses enter once what was completed stands there."""
        for piece in re.split("(\t)", text):
            os.write(self.descriptor, piece.encode())
            if piece == "\t":
                self.read(0.5)
        os.write(self.descriptor, b"\n")

    def logged(self, lines):
        """The first `lines` lines of the log, once they are there."""
        for _ in range(600):
            if os.path.exists(self.log):
                with open(self.log, encoding="utf-8") as file:
                    found = file.read().splitlines()
                if len(found) >= lines:
                    return found
            self.read(0.1)
        sys.exit(f"expected {lines} lines in the log; the terminal shows {self.read(1)!r}")

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.descriptor)


def check_typed(command, setup):
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "files"))
        for name in ("a model.bin", "heldout.txt"):
            open(os.path.join(folder, "files", name), "w", encoding="utf-8").close()
        terminal = Terminal(command, folder)
        try:
            terminal.read(1)
            script = os.path.join(folder, "completion")
            with open(script, "w", encoding="utf-8") as file:
                file.write(printed("completion", os.path.basename(command[0])))
            for line in setup:
                terminal.type(line.format(script=script, log=terminal.log))
            terminal.type("gptj ready")
            terminal.logged(1)
            for i, (typed, expected) in enumerate(TYPED, 2):
                terminal.type(typed)
                words = terminal.logged(i)[i - 1].split("|")[:-1]
                check(words == expected, f"{typed!r}: expected {expected}, found {words}")
                print(f"{typed!r}: {words}")
        finally:
            terminal.close()


def bash():
    check_typed(["bash", "--norc", "--noprofile", "-i"],
                ["gptj() {{ printf '%s|' \"$@\" >>{log}; echo >>{log}; }}", "source {script}"])


def zsh():
    check_typed(["zsh", "-f", "-i"],
                ["autoload -Uz compinit && compinit -u -D",
                 "gptj() {{ printf '%s|' \"$@\" >>{log}; echo >>{log}; }}", "source {script}"])
    # As a file in fpath, which is how it is installed.
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "_gptj"), "w", encoding="utf-8") as file:
            file.write(printed("completion", "zsh"))
        found = subprocess.run(["zsh", "-f", "-c", f"fpath=({folder} $fpath); autoload -Uz compinit && compinit -u -D; "
                                "print $_comps[gptj]"], capture_output=True, text=True, check=True).stdout
        check(found == "_gptj\n", "zsh finds", found)


def fish():
    """fish says itself what completes a line."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a model.bin", "heldout.txt"):
            open(os.path.join(folder, name), "w", encoding="utf-8").close()
        script = os.path.join(folder, "gptj.fish")
        with open(script, "w", encoding="utf-8") as file:
            file.write(printed("completion", "fish"))

        def completed(line):
            done = subprocess.run(["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"], cwd=folder,
                                  capture_output=True, text=True, check=True, env={**os.environ, "HOME": folder})
            check(done.stderr == "", line, done.stderr)
            return [found.split("\t")[0] for found in done.stdout.splitlines()]

        check("complete" in completed("gptj ") and "--version" in completed("gptj --v"), completed("gptj "))
        check(completed("gptj complete --kv-cache=i") == ["--kv-cache=int8"], "--kv-cache=")
        check(sorted(completed("gptj convert --weights ")) == TYPES.split(), completed("gptj convert --weights "))
        for typed, expected in TYPED:
            line, _ = typed.split("\t")
            found = completed(line.replace("\\ ", "\\\\ "))
            word = "a model.bin" if "\\" in line else expected[len(line.split(" ")) - 2]
            free = line.endswith("held") and expected[-1] == "held"
            check(found == ([] if free else [word]), f"{line!r}: expected {word}, found {found}")
            print(f"{line!r}: {found}")


READERS = {
    "mandoc": lambda: check_pages(["mandoc", "-Tlint", "-Wwarning"]),
    "man": lambda: check_pages(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-P", "cat"],
                               {"MANROFFSEQ": "", "MANWIDTH": "120", "LC_ALL": "C.UTF-8"}),
    "bash": bash, "zsh": zsh, "fish": fish,
}


def main():
    if shutil.which(sys.argv[2]) is None:
        print(f"skipped: no {sys.argv[2]} here")
        sys.exit(77)
    READERS[sys.argv[2]]()


main()
