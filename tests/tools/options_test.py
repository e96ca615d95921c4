# SPDX-License-Identifier: Apache-2.0
"""Options and exit codes of all subcommands."""
import os
import re
import unittest

from program import FAIRYTALE, MODEL_OPTIONS, PROMPT, Folder, main, options_in_help, run


# For every option of every command, a use of it that works.
USES = {
    "complete": {
        **MODEL_OPTIONS,
        "--file": None,  # in CompletePrompt
        "--ids": None,
        "--session": None,
        "--template": ["--template", "alpaca"],
        "--template-file": None,
        "--max-tokens": ["--max-tokens", "3"],
        "--max-new-tokens": ["--max-new-tokens", "2"],
        "--min-tokens": ["--min-tokens", "1"],
        "--do-sample": ["--do-sample=false"],
        "--temperature": ["--temperature", "0.5"],
        "--top-k": ["--top-k", "3"],
        "--top-p": ["--top-p", "0.5"],
        "--min-p": ["--min-p", "0.1"],
        "--typical-p": ["--typical-p", "0.5"],
        "--repetition-penalty": ["--repetition-penalty", "1.1"],
        "--repetition-penalty-range": ["--repetition-penalty-range", "4"],
        "--frequency-penalty": ["--frequency-penalty", "-1"],
        "--presence-penalty": ["--presence-penalty", "-.5"],
        "--logit-bias": ["--logit-bias", "11=-100", "--logit-bias", "12=1.5"],
        "--no-repeat-ngram-size": ["--no-repeat-ngram-size", "2"],
        "--bad-words": ["--bad-words", "king", "--bad-words", " king"],
        "--stop": ["--stop", "###", "--stop", "END"],
        "--logprobs": ["--logprobs", "2"],
        "--echo": ["--echo"],
        "--n": ["--n", "2"],
        "--best-of": ["--best-of", "2"],
        "--num-return-sequences": ["--num-return-sequences", "2"],
        "--num-beams": ["--num-beams", "3"],
        "--speculate": ["--speculate", "off"],
        "--length-penalty": ["--num-beams", "3", "--length-penalty", "0.5"],
        "--early-stopping": ["--num-beams", "3", "--early-stopping"],
        "--seed": ["--seed", "9223372036854775807"],
        "--ignore-eos": ["--ignore-eos"],
        "--overflow": ["--overflow", "truncate"],
        "--prefix-lm": ["--prefix-lm"],
    },
    "batch": {},  # below
    "tokenize": {
        "--help": ["--help"],
        "--model": ["--model", FAIRYTALE],
        "--file": None,  # in Tokenize
        "--plain": ["--plain"],
        "--count": ["--count"],
        "--decode": None,
        "--json": ["--json"],
        "--quiet": ["--quiet"],
    },
    "perplexity": {
        **MODEL_OPTIONS,
        "--window": ["--window", "20"],
        "--stride": ["--window", "20", "--stride", "10"],
    },
    "convert": {
        "--help": ["--help"],
        "--tokenizer": ["--tokenizer", FAIRYTALE],
        "--weights": ["--weights", "int4"],
        "--head": ["--weights", "int4", "--head", "int4"],
        "--calibrate": None,  # in Convert
        "--evaluate": None,
        "--report": None,
        "--threads": ["--threads", "1"],
        "--isa": ["--isa", "portable"],
        "--json": None,
        "--quiet": None,
    },
    "inspect": {
        "--help": ["--help"],
        "--model": ["--model", FAIRYTALE],
        "--tensors": ["--tensors"],
        "--json": ["--json"],
        "--quiet": ["--quiet"],
    },
    "bench": {
        **MODEL_OPTIONS,
        **dict.fromkeys(["--synthetic", "--layers", "--seed", "--only", "--tokens", "--prompt", "--batch", "--runs"]),
    },
}


USES["batch"] = {
    **USES["complete"],
    "--output": None,  # in Batch
    "--resume": None,
    "--clean": None,
    "--as-completed": ["--as-completed"],
    "--shard": ["--shard", "0/2"],
    "--merge": None,
    "--kv-memory": ["--kv-memory", "1M"],
    "--share-prefixes": ["--share-prefixes", "off"],
    "--keep-prefixes": ["--keep-prefixes", "off"],
    "--progress": ["--progress", "1"],
}
for option in ("--file", "--ids", "--session", "--template", "--template-file"):
    del USES["batch"][option]

# In tests/serve.
USES["serve"] = dict.fromkeys([
    *MODEL_OPTIONS, "--host", "--port", "--unix", "--api-key-file", "--cors-origin", "--allowed-host", "--metrics-open",
    "--max-queue", "--max-connections", "--max-body", "--max-tokens-limit", "--default-max-tokens", "--timeout",
    "--drain", "--header-timeout", "--body-timeout", "--idle-timeout", "--stall-timeout", "--ping", "--kv-memory",
    "--keep-prefixes", "--alias", "--strict-model", "--access-log"])

USES["repl"] = {o: use for o, use in USES["complete"].items() if o not in ("--file", "--ids")}


class EveryOption(Folder):
    def test_help_lists_those_tested_here(self):
        commands = re.findall(r"^  (\w+)  ", run("--help").stdout.decode().split("Subcommands")[-1],
                              re.MULTILINE)
        if "serve" not in commands:  # built without
            del USES["serve"]
        self.assertEqual(set(commands), set(USES))
        for command, uses in USES.items():
            self.assertEqual(options_in_help(command), set(uses), command)

    def use(self, command, *arguments, silent=False):
        for option, use in USES[command].items():
            if use is None:
                continue
            done = run(command, *arguments, *use)
            self.assertEqual(done.returncode, 0, (command, option, done.stderr))
            if not silent or option == "--help":
                self.assertNotEqual(done.stdout, b"", (command, option))

    def test_convert(self):
        self.use("convert", FAIRYTALE, os.path.join(self.folder, "x.safetensors"), silent=True)

    def test_complete(self):
        self.use("complete", "--max-tokens", "2", PROMPT)

    def test_repl(self):
        for option, use in USES["repl"].items():
            if use is None:
                continue
            done = run("repl", "--max-tokens", "2", *use, stdin=b"Once\n\n")
            self.assertEqual(done.returncode, 0, (option, done.stderr))
            self.assertNotEqual(done.stdout, b"", option)

    def test_batch(self):
        lines = b'{"prompt": "Once", "max_tokens": 2}\n{"prompt": "Twice", "max_tokens": 2}\n'
        self.use("batch", self.write("in", lines))

    def test_tokenize(self):
        self.use("tokenize", PROMPT)

    def test_inspect(self):
        self.use("inspect")

    def test_perplexity(self):
        self.use("perplexity", self.write("text", b"The king went home. " * 10))

    def test_help_has_examples(self):
        for arguments in [["--help"]] + [[command, "--help"] for command in USES]:
            done = run(*arguments)
            self.assertEqual(done.returncode, 0)
            self.assertEqual(done.stderr, b"")
            self.assertRegex(done.stdout, rb"Examples?:\n  gptj ")

    def test_version(self):
        done = run("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout,
                         rb"^gptj \d+\.\d+\.\d+\ncompiler: .+\ninstruction sets found: portable")


class WrongUsage(unittest.TestCase):
    def expect(self, arguments, *words):
        done = run(*arguments)
        self.assertEqual(done.returncode, 2, (arguments, done.stderr))
        self.assertEqual(done.stdout, b"")
        for word in words:
            self.assertIn(word, done.stderr.decode())

    def test_commands_and_options(self):
        self.expect([])
        self.expect(["compleet"], "compleet")
        self.expect(["complete", "--max-token", "3", "a"], "--max-token")
        self.expect(["complete", "--temperature"], "--temperature")
        self.expect(["complete", "--weights", "f99", "a"], "--weights", "f99", "bf16")
        self.expect(["complete", "--kv-cache", "f99", "a"], "--kv-cache", "f99")
        self.expect(["complete", "--kv-cache", "int4", "a"], "--kv-cache", "int4", "or int8")
        self.expect(["complete", "--threads", "-1", "a"], "--threads")
        self.expect(["perplexity"], "file")
        self.expect(["tokenize", "--count", "--decode", "1"], "--count")
        self.expect(["inspect", FAIRYTALE, "--model", FAIRYTALE])

    def test_values(self):
        for option, value in (("--max-tokens", "few"), ("--max-tokens", "1.5"), ("--top-p", "2"),
                              ("--temperature", "-1"), ("--temperature", "hot"), ("--n", "0"),
                              ("--logprobs", "21"), ("--overflow", "explode"), ("--stop", ""),
                              ("--logit-bias", "5"), ("--logit-bias", "5=x"),
                              ("--logit-bias", "x=5"), ("--seed", "-1"), ("--bad-words", ""),
                              ("--seed", "9223372036854775808"), ("--echo=maybe", None)):
            arguments = [option] if value is None else [option, value]
            name = option.split("=")[0].strip("-").replace("-", "_")
            done = run("complete", *arguments, "a")
            self.assertEqual(done.returncode, 2, (option, value, done.stderr))
            self.assertIn(name, done.stderr.decode().replace("-", "_"))
        self.expect(["complete", "--ids", "1,x"], "--ids", "x")

    def test_past_the_context_is_a_failure(self):
        done = run("complete", "--max-tokens", "513", "a")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"512", done.stderr)
        self.assertEqual(run("complete", "--max-tokens", "2", "--overflow", "truncate",
                             "a " * 600).returncode, 0)


if __name__ == "__main__":
    main()
