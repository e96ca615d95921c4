# SPDX-License-Identifier: Apache-2.0
"""What the tests of the program share. A test of one or more subcommands is a file beside this one:

    python3 complete_test.py build/gptj [unittest arguments]
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FAIRYTALE = os.path.join(ROOT, "models", "fairytale-8m")
GOLDEN = os.path.join(ROOT, "tests", "golden")
NO_TOKENIZER = os.path.join(GOLDEN, "rotary-partial-f32")
REFERENCE = os.path.join(GOLDEN, "fairytale-8m-reference.json")
PROGRAM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "gptj"

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "GPTJ_MODEL"}
PROMPT = "Once upon a time"
GREEDY = ["--temperature", "0", "--max-tokens", "6"]

# Options of all commands that load a model, each with a use that works.
MODEL_OPTIONS = {
    "--help": ["--help"],
    "--model": ["--model", FAIRYTALE],
    "--tokenizer": ["--tokenizer", FAIRYTALE],
    "--weights": ["--weights", "bf16"],
    "--kv-cache": ["--kv-cache", "int8"],
    "--threads": ["--threads", "1"],
    "--max-ram": ["--max-ram", "500M"],
    "--isa": ["--isa", "portable"],
    "--json": ["--json"],
    "--quiet": ["--quiet"],
}


def start(*args, **options):
    options.setdefault("env", ENVIRONMENT)
    return subprocess.Popen([PROGRAM, *args], stdin=options.pop("stdin", subprocess.DEVNULL),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def run(*args, stdin=b"", env=None, cwd=None):
    return subprocess.run([PROGRAM, *args], input=stdin, capture_output=True,
                          env={**ENVIRONMENT, **(env or {})}, cwd=cwd, timeout=600)


def greedy_text():
    return complete(*GREEDY, PROMPT)


def complete(*args, **options):
    done = run("complete", *args, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def complete_json(*args, **options):
    return json.loads(complete("--json", *args, **options))


def options_in_help(command):
    text = run(command, "--help").stdout.decode()
    return set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", text, re.MULTILINE))


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="gptj-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path


def requests(count, tokens):
    """Lines of JSON: greedy, sampled, several samples, lists of prompts; now and then a wrong or a refused one."""
    lines = []
    for i in range(count):
        line = {"id": i, "prompt": f"Once upon a time there were {i} kings, and ", "max_tokens": tokens}
        if i % 3 == 1:
            line.update(temperature=1.1, top_p=0.9)
        if i % 5 == 2:
            line.update(temperature=0.8, n=2)
        if i % 11 == 7:
            line.update(top_p=7)
        if i % 13 == 10:
            line.update(prompt=[line["prompt"], "Twice upon a time"])
        if i % 17 == 9:
            line.update(max_tokens=100000)
        lines.append(json.dumps(line))
    return ("\n".join(lines) + "\n").encode()


def main():
    """Runs the tests of the script; its first argument is the program."""
    del sys.argv[1:2]
    unittest.main()
