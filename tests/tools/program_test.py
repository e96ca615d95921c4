# SPDX-License-Identifier: Apache-2.0
"""The program as scripts see it: options, output, exit codes.

    python3 program_test.py build/gptj [unittest arguments]
"""
import json
import math
import os
import pty
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import f16_checkpoint  # noqa: E402

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
FAIRYTALE = os.path.join(ROOT, "models", "fairytale-8m")
GOLDEN = os.path.join(ROOT, "tests", "golden")
NO_TOKENIZER = os.path.join(GOLDEN, "rotary-partial-f32")
REFERENCE = os.path.join(GOLDEN, "fairytale-8m-reference.json")
PROGRAM = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "gptj"

ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "GPTJ_MODEL"}
PROMPT = "Once upon a time"
GREEDY = ["--temperature", "0", "--max-tokens", "6"]


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


class CompletePrompt(Folder):
    def test_argument_file_ids_and_pipe_are_the_same(self):
        text = greedy_text()
        self.assertNotEqual(text, b"")
        for content in (PROMPT, PROMPT + "\n"):  # one final newline is dropped
            path = self.write("prompt", content.encode())
            self.assertEqual(complete(*GREEDY, "--file", path), text)
            self.assertEqual(complete(*GREEDY, "-f", path), text)
            self.assertEqual(complete(*GREEDY, stdin=content.encode()), text)
        with open(REFERENCE) as file:
            case = next(c for c in json.load(file)["prompts"] if c["prompt"] == PROMPT)
        ids = case["ids"]
        for form in (",".join(map(str, ids)), " ".join(map(str, ids)), json.dumps(ids)):
            self.assertEqual(complete(*GREEDY, "--ids", form), text)

    def test_only_one_newline_is_dropped(self):
        echo = ["--echo", "--max-tokens", "0"]
        self.assertEqual(complete(*echo, stdin=b"a\n\n"), b"a\n")
        self.assertEqual(complete(*echo, "a\n"), b"a\n")

    def test_stdin_is_read_only_when_nothing_else_is_given(self):
        read, write = os.pipe()  # open, and nothing comes
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        process = start("complete", *GREEDY, PROMPT, stdin=read)
        self.assertEqual(process.communicate(timeout=60)[0], greedy_text())

    def test_an_empty_prompt_is_bos(self):
        for arguments in (["--ids", ""], [""], []):
            done = complete_json(*GREEDY, "--echo", *arguments)
            self.assertEqual(done["usage"]["prompt_tokens"], 1, arguments)
            self.assertEqual(done["choices"][0]["token_ids"][0], 4095)

    def test_every_weight_type_completes(self):
        for weights in ("f32", "f16", "bf16", "int8", "int4"):
            done = complete_json("--weights", weights, *GREEDY, "--max-tokens", "5", PROMPT)
            self.assertEqual(len(done["choices"][0]["token_ids"]), 5, weights)

    def test_any_text_is_taken_as_it_is(self):
        for text in ("[a, b]", "{}", "", "%x", "a=b", "caf\u00e9 \U0001F642", "'\"'"):
            self.assertEqual(complete("--echo", "--max-tokens", "0", text).decode(), text)
        self.assertEqual(complete("--echo", "--max-tokens", "0", "--", "--json"), b"--json")

    def test_a_session_changes_nothing_but_the_time(self):
        session = os.path.join(self.folder, "session")
        preamble = "Once upon a time there was a king who had three sons. " * 8
        for question in ("The first", "The second", "The second son", ""):
            arguments = [*GREEDY, "--seed", "1", preamble + question]
            self.assertEqual(complete_json("--session", session, *arguments), complete_json(*arguments))
            self.assertTrue(os.path.exists(session))
        done = run("complete", "--session", session, "--weights", "int8", "x")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"gptj.model", done.stderr)

    def test_two_prompts_are_wrong_usage(self):
        path = self.write("prompt", b"a")
        for arguments in (["a", "--file", path], ["a", "--ids", "1"], ["--file", path, "--ids", "1"],
                          ["a", "b"]):
            self.assertEqual(run("complete", *arguments).returncode, 2, arguments)

    def test_lists_never_swallow_the_prompt(self):
        text = greedy_text()
        for lists in (["--stop", "A#", "--stop", "B#"], ["--bad-words", "@@@"],
                      ["--logit-bias", "5=0"]):
            self.assertEqual(complete(*GREEDY, *lists, PROMPT), text)


class CompleteOutput(unittest.TestCase):
    def test_no_newline_in_a_pipe_and_one_on_a_terminal(self):
        text = greedy_text()
        self.assertFalse(text.endswith(b"\n"))
        leader, follower = pty.openpty()
        process = subprocess.Popen([PROGRAM, "complete", *GREEDY, PROMPT], stdout=follower,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=ENVIRONMENT)
        self.assertEqual(process.wait(timeout=60), 0)
        os.close(follower)
        self.assertEqual(os.read(leader, 1000).replace(b"\r\n", b"\n"), text + b"\n")
        os.close(leader)

    def test_echo(self):
        self.assertEqual(complete(*GREEDY, "--echo", PROMPT), PROMPT.encode() + greedy_text())
        self.assertEqual(complete(*GREEDY, "--echo=false", PROMPT), greedy_text())
        self.assertEqual(complete(*GREEDY, "--echo", "--overflow", "truncate", PROMPT),
                         PROMPT.encode() + greedy_text())

    def test_several_choices_have_a_line_before_each(self):
        sampled = ["--n", "3", "--seed", "5", "--max-tokens", "8", PROMPT]
        texts = [choice["text"] for choice in complete_json(*sampled)["choices"]]
        expected = ""
        for i, text in enumerate(texts, 1):
            expected += ("" if not expected or expected.endswith("\n") else "\n")
            expected += f"--- {i}/3 ---\n{text}"
        self.assertEqual(complete(*sampled).decode(), expected)

    def test_json_has_openais_shape(self):
        done = complete_json(*GREEDY, "--logprobs", "2", "--seed", "3", PROMPT)
        self.assertEqual(list(done), ["object", "model", "choices", "usage", "seed"])
        self.assertEqual(done["object"], "text_completion")
        self.assertEqual(done["model"], "fairytale-8m")
        self.assertEqual(done["seed"], 3)
        (choice,) = done["choices"]
        self.assertEqual(list(choice),
                         ["text", "index", "finish_reason", "token_ids", "logprobs", "score"])
        self.assertEqual(choice["text"].encode(), greedy_text())
        self.assertEqual(choice["finish_reason"], "length")
        self.assertEqual([len(top) for top in choice["logprobs"]["top_logprobs"]], [2] * 6)
        self.assertTrue(complete("--json", *GREEDY, PROMPT).endswith(b"}\n"))

    def test_greedy_ids_are_hugging_faces(self):
        with open(REFERENCE) as file:
            case = next(c for c in json.load(file)["prompts"] if c["prompt"] == PROMPT)
        ids = case["greedy_ids"]
        done = complete_json("--weights", "f32", "--temperature", "0", "--ignore-eos",
                             "--max-tokens", str(len(ids)), PROMPT)
        self.assertEqual(done["choices"][0]["token_ids"], ids)

    def test_without_a_tokenizer_there_are_ids(self):
        model = ["--model", NO_TOKENIZER, "--ids", "1,2,3", "--max-tokens", "5", "--ignore-eos"]
        done = complete_json(*model)
        self.assertIsNone(done["choices"][0]["text"])
        ids = done["choices"][0]["token_ids"]
        line = " ".join(map(str, ids)).encode()
        self.assertEqual(complete(*model), line)
        self.assertEqual(complete(*model, "--echo"), b"1 2 3 " + line)
        self.assertEqual(complete(*model, "--n", "2"),
                         b"--- 1/2 ---\n" + line + b"\n--- 2/2 ---\n" + line)
        empty = ["--model", NO_TOKENIZER, "--max-tokens", "2", "--ignore-eos", "--echo", ""]
        self.assertEqual(complete(*empty).split()[0], b"0")  # its bos
        self.assertEqual(complete(*empty).split(), complete("--best-of", "2", *empty).split())
        for wrong in (["text"], ["--ids", "1", "--stop", "x"], ["--ids", "131"]):
            self.assertEqual(run("complete", "--model", NO_TOKENIZER, *wrong).returncode, 2)

    def test_the_seed_and_speeds_are_on_stderr(self):
        done = run("complete", "--max-tokens", "8", PROMPT)
        match = re.search(rb"prompt: 4 tokens .*tokens/s\); new: 8 tokens .*; seed (\d+)\n",
                          done.stderr)
        self.assertTrue(match, done.stderr)
        again = complete("--max-tokens", "8", "--seed", match[1].decode(), PROMPT)
        self.assertEqual(again, done.stdout)

    def test_quiet_is_silent(self):
        self.assertEqual(run("complete", "--quiet", *GREEDY, PROMPT).stderr, b"")
        self.assertNotEqual(run("complete", "--quiet", "--n", "0", PROMPT).stderr, b"")

    def test_it_streams(self):
        process = start("complete", "--max-tokens", "500", "--ignore-eos", "--isa", "portable",
                        "--threads", "1", "--weights", "f32", "--quiet", PROMPT)
        first = os.read(process.stdout.fileno(), 100000)
        rest = process.communicate(timeout=600)[0]
        self.assertLess(len(first), len(rest))


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


ALPACA = ("Below is an instruction that describes a task. Write a response that appropriately completes "
          "the request.\n\n### Instruction:\n{}\n\n### Response:")


class Template(Folder):
    def test_complete_asks_as_the_template_says(self):
        for name, text, stops in (("plain", "{}", []), ("alpaca", ALPACA, ["### Instruction:"]),
                                  ("dolly", ALPACA + "\n", ["### End", "### Instruction:"]),
                                  ("gpt4all-j", "### Prompt:\n{}\n### Response:\n",
                                   ["### Prompt:", "### Response:"]),
                                  ("pygmalion", "<START>\nYou: {}\nCharacter:", ["\nYou:", "<START>"])):
            stop = [word for s in stops for word in ("--stop", s)]
            self.assertEqual(complete_json("--template", name, *GREEDY, "--seed", "1", PROMPT),
                             complete_json(*GREEDY, "--seed", "1", *stop, text.format(PROMPT)), name)

    def test_an_answer_ends_where_the_template_says(self):
        text = complete(*GREEDY, "--template", "plain", PROMPT).decode()
        for more in ([], ["--stop", text[4:6]]):
            path = self.write("t.json", json.dumps({"turn": "{prompt}", "stop": [text[6:9]]}).encode())
            choice = complete_json(*GREEDY, "--template-file", path, *more, PROMPT)["choices"][0]
            self.assertEqual(choice["finish_reason"], "stop")
            self.assertEqual(choice["text"], text[:4 if more else 6])

    def test_a_file_has_all_of_it_and_turns_follow_each_other(self):
        form = {"begin": "A tale.\n", "turn": "He: {prompt}\nShe:", "end": "\n\n", "stop": ["@@"]}
        path = self.write("t.json", json.dumps(form).encode())
        done = run("repl", *GREEDY, "--json", "--template-file", path, stdin=b"Hello\nWell\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        first, second = (json.loads(line) for line in done.stdout.splitlines())
        ids = []
        for text, found in (("A tale.\nHe: Hello\nShe:", first), ("\n\nHe: Well\nShe:", second)):
            ids += json.loads(run("tokenize", "--json", stdin=text.encode()).stdout)
            expected = complete_json(*GREEDY, "--stop", "@@", "--ids", str(ids), "--seed", str(found["seed"]))
            self.assertEqual(found, expected)
            self.assertEqual(found["choices"][0]["finish_reason"], "length")
            ids += found["choices"][0]["token_ids"]

    def test_what_is_wrong_is_said(self):
        for content, word in ((b"{}", b"{prompt}"), (b"{", b"t.json"), (b"[]", b"t.json"), (b'{"turn": "x"}', b"{prompt}"),
                              (b'{"turn": "{prompt}{prompt}"}', b"one {prompt}"),
                              (b'{"turn": "{prompt}", "stop": "x"}', b"stop"),
                              (b'{"turn": "{prompt}", "stop": [""]}', b"stop"),
                              (b'{"turn": 3}', b"turn"), (b'{"close": ""}', b"close")):
            done = run("complete", "--template-file", self.write("t.json", content), *GREEDY, PROMPT)
            self.assertEqual(done.returncode, 1, (content, done.stderr))
            self.assertIn(word, done.stderr)
        for arguments in (["--template", "llama", "x"], ["--template", "alpaca", "--ids", "1"],
                          ["--template", "alpaca", "--template-file", "x", "x"],
                          ["--session", "s", "--prefix-lm", "x"]):
            self.assertEqual(run("complete", *arguments).returncode, 2, arguments)


class Repl(Folder):
    TURNS = ["Once upon a time", " and then", "", " but the \U0001f600 king", " said"]

    def repl(self, turns, *arguments, code=0):
        done = run("repl", *arguments, stdin="".join(turn + "\n" for turn in turns).encode())
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout.decode()

    def choices(self, turns, *arguments):
        lines = self.repl(turns, "--json", *arguments).splitlines()
        return [json.loads(line)["choices"][0] for line in lines]

    def ids(self, text):
        return json.loads(run("tokenize", "--json", stdin=text.encode()).stdout)

    # Each answer is that of complete to all tokens before it.
    def expect_turns(self, turns, choices, *arguments, shown=lambda choice: choice["token_ids"]):
        self.assertEqual(len(turns), len(choices))
        ids = []
        for turn, choice in zip(turns, choices):
            ids += self.ids(turn)
            expected = complete_json(*arguments, "--ids", str(ids))["choices"][0]
            self.assertEqual(choice, expected)
            ids += shown(choice)

    def test_each_turn_goes_on_with_the_text(self):
        for options in (["--seed", "3", "--max-tokens", "20", "--temperature", "1"],
                        ["--max-tokens", "9", "--num-beams", "3"],
                        ["--seed", "5", "--max-tokens", "9", "--top-k", "5", "--best-of", "3"]):
            choices = self.choices(self.TURNS, *options)
            self.expect_turns(self.TURNS, choices, *options)
            self.assertEqual(self.repl(self.TURNS, *options), "".join(c["text"] + "\n" for c in choices))

    def test_the_text_goes_on_from_what_was_shown(self):
        options = ["--seed", "3", "--max-tokens", "40", "--temperature", "1", "--stop", "he", "--stop", ","]
        choices = self.choices(self.TURNS, *options)
        self.assertIn("stop", {choice["finish_reason"] for choice in choices})

        def shown(choice):
            ids = choice["token_ids"]
            if choice["finish_reason"] != "stop":
                return ids
            for i in range(len(ids), -1, -1):
                head = run("tokenize", "--decode", str(ids[:i])).stdout.decode()
                if choice["text"].startswith(head):
                    return ids[:i] + self.ids(choice["text"][len(head):])

        self.expect_turns(self.TURNS, choices, *options, shown=shown)

    def test_an_end_token_ends_the_answer_not_the_text(self):
        end = ["--max-tokens", "5", "--logit-bias", "4095=100"]
        choices = self.choices(["Once", " upon"], *end)
        self.assertEqual([choice["token_ids"] for choice in choices], [[4095], [4095]])
        self.expect_turns(["Once", " upon"], choices, *end, shown=lambda choice: [])

    def test_a_session_goes_on_as_if_it_had_never_stopped(self):
        for more in ([], ["--overflow", "slide"]):
            options = ["--seed", "3", "--max-tokens", "150", "--temperature", "1", "--ignore-eos",
                       "--repetition-penalty", "1.2"] + more
            turns = self.TURNS if more else self.TURNS[:3]
            whole = self.choices(turns, *options)
            session = os.path.join(self.folder, "session" + "".join(more))
            parts = [self.choices([turn], "--session", session, *options)[0] for turn in turns]
            self.assertEqual(parts, whole)
        done = run("repl", "--session", session, "--weights", "int8", stdin=b"x\n")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"expected", done.stderr)

    def test_a_full_context_is_said_and_slid_past_when_asked(self):
        options = ["--max-tokens", "300", "--temperature", "0", "--ignore-eos", "--json"]
        done = run("repl", *options, stdin=b"Once\n and\n/reset\nTwice\n")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stdout.splitlines()), 2)
        self.assertIn(b"expected at most 512", done.stderr)
        self.assertEqual(len(self.choices(["Once", " and", " then"], *options, "--overflow", "slide")), 3)
        self.assertEqual(len(self.choices(["Once", " and", " then"], *options, "--overflow", "truncate")), 3)

    def test_commands_and_joined_lines(self):
        one = ["--temperature", "0", "--max-tokens", "3"]
        first, second = self.choices(["Once", "/reset", "Once"], *one)
        self.assertEqual(first, second)
        self.expect_turns(["/x\ny"], self.choices(["//x\\", "y"], *one), *one)
        self.assertEqual(self.repl(["/quit", "Once"], *one), "")
        done = run("repl", stdin=b"/help\n/explode\n/save\n")
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        for word in (b"/reset", b"no /explode", b"--session FILE"):
            self.assertIn(word, done.stderr)

    def test_token_ids_without_a_tokenizer(self):
        done = run("repl", "--model", NO_TOKENIZER, *GREEDY, stdin=b"1,2,3\n4\nword\n")
        self.assertEqual(done.returncode, 2)
        ids = [1, 2, 3]
        for line, more in zip(done.stdout.decode().splitlines(), ([], [4])):
            ids += more
            made = [int(word) for word in line.split()]
            self.assertEqual(made, complete_json("--model", NO_TOKENIZER, *GREEDY, "--ids", str(ids))
                             ["choices"][0]["token_ids"])
            ids += made

    def test_ctrl_c_ends_the_answer_and_keeps_the_session(self):
        session = os.path.join(self.folder, "session")
        options = ["--seed", "1", "--overflow", "slide", "--ignore-eos", "--temperature", "1"]
        process = start("repl", *options, "--max-tokens", "100000", "--session", session,
                        stdin=subprocess.PIPE)
        process.stdin.write(b"Once upon a time\n and\n")
        process.stdin.flush()
        self.assertNotEqual(os.read(process.stdout.fileno(), 100), b"")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(len(self.choices([" and"], *options, "--max-tokens", "5", "--session", session)), 1)

    def test_on_a_terminal_ctrl_c_ends_only_the_answer(self):
        leader, follower = pty.openpty()
        process = subprocess.Popen([PROGRAM, "repl", "--seed", "1", "--overflow", "slide", "--ignore-eos",
                                    "--max-tokens", "100000", "--temperature", "1"],
                                   stdin=follower, stdout=follower, stderr=follower, env=ENVIRONMENT)
        os.close(follower)
        seen = b""

        def wait_for(pattern):
            nonlocal seen
            while not re.search(pattern, seen):
                seen += os.read(leader, 1000)
            seen = b""

        wait_for(rb"/help says[^>]*> ")
        os.write(leader, b"Once upon a time\n")
        wait_for(rb"[a-z]+ [a-z]+ [a-z]+ [a-z]+ [a-z]+ [a-z]+")
        process.send_signal(signal.SIGINT)
        wait_for(rb"\n> $")
        os.write(leader, b"and so\n")
        wait_for(rb"so\r\n.*[a-z]+ [a-z]+ [a-z]+")
        process.send_signal(signal.SIGINT)
        wait_for(rb"\n> $")
        os.write(leader, b"/quit\n")
        self.assertEqual(process.wait(timeout=60), 0)
        os.close(leader)


class Batch(Folder):
    def setUp(self):
        super().setUp()
        self.out = os.path.join(self.folder, "out.jsonl")

    def read(self, path=None):
        with open(path or self.out, "rb") as file:
            return file.read()

    def test_records_are_those_of_complete(self):
        lines = requests(8, 6)
        done = run("batch", self.write("in", lines), "-o", self.out)
        self.assertEqual(done.returncode, 3, done.stderr)  # one was wrong
        self.assertEqual(done.stdout, b"")
        for line, record in zip(lines.splitlines(), self.read().splitlines()):
            request, record = json.loads(line), json.loads(record)
            self.assertEqual(list(record)[0], "id")
            self.assertEqual(record.pop("id"), request["id"])
            if "error" in record:
                self.assertEqual(record["error"]["param"], "top_p")
                continue
            options = [part for name in ("max_tokens", "temperature", "top_p", "n") if name in request
                       for part in ("--" + name.replace("_", "-"), str(request[name]))]
            self.assertEqual(record, complete_json(*options, "--seed", str(record["seed"]),
                                                   request["prompt"]))

    def test_pipes(self):
        lines = requests(5, 4)
        piped = run("batch", stdin=lines)
        self.assertEqual(piped.returncode, 0, piped.stderr)
        self.assertIn(b"cannot be resumed", piped.stderr)
        run("batch", self.write("in", lines), "-o", self.out)
        self.assertEqual(piped.stdout, self.read())
        self.assertEqual(run("batch", "--quiet", "-", stdin=lines).stderr, b"")
        from_pipe = self.out + "2"
        run("batch", "-o", from_pipe, stdin=lines)
        self.assertEqual(self.read(from_pipe), self.read())
        self.assertFalse(os.path.exists(from_pipe + ".journal"))

    def test_options_are_defaults_and_the_seed_is_the_jobs(self):
        lines = b'{"prompt": "Once"}\n{"prompt": "Once", "max_tokens": 2}\n'
        records = [json.loads(r) for r in run("batch", "--max-tokens", "5", "--temperature", "1",
                                              stdin=lines).stdout.splitlines()]
        self.assertEqual([r["usage"]["completion_tokens"] for r in records], [5, 2])
        self.assertNotEqual(records[0]["seed"], records[1]["seed"])
        other = run("batch", "--max-tokens", "5", "--temperature", "1", "--seed", "4", stdin=lines)
        self.assertNotEqual(json.loads(other.stdout.splitlines()[0])["seed"], records[0]["seed"])

    def test_shards_merge_to_the_whole(self):
        source = self.write("in", requests(12, 4))
        run("batch", source, "-o", self.out)
        parts = []
        for shard in range(3):
            parts.append(os.path.join(self.folder, f"part-{shard}"))
            run("batch", source, "-o", parts[-1], "--shard", f"{shard}/3")
        merged = os.path.join(self.folder, "merged")
        done = run("batch", "--merge", "-o", merged, *parts)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.read(merged), self.read())
        self.assertEqual(run("batch", "--merge", "-o", merged + "2", *parts[1:]).returncode, 2)

    def test_wrong_usage(self):
        source = self.write("in", requests(1, 1))
        for arguments, words in (
                (["--resume", source], b"standard output"),
                (["--resume", "-o", self.out], b"standard input"),
                (["--shard", "3/3", source], b"--shard"),
                (["--shard", "x", source], b"--shard"),
                ([source, source], b"one input"),
                (["--merge", source], b"-o"),
                (["-o", source, source], b"is the input")):
            done = run("batch", *arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(words, done.stderr)
        for arguments in ([os.path.join(self.folder, "none")], [source, "-o", "/nowhere/out"]):
            self.assertEqual(run("batch", *arguments).returncode, 1, arguments)

    def test_a_pipe_is_answered_while_it_is_open(self):
        process = subprocess.Popen([PROGRAM, "batch", "--quiet"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
        for _ in range(2):
            process.stdin.write(requests(1, 3))
            process.stdin.flush()
            self.assertIn("choices", json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)  # while it waits
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)

    def test_a_pipe_by_name_is_read_once(self):
        lines = requests(3, 3)
        fifo = os.path.join(self.folder, "fifo")
        os.mkfifo(fifo)
        process = start("batch", fifo, "-o", self.out)
        with open(fifo, "wb") as file:
            file.write(lines)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.read(), run("batch", stdin=lines).stdout)
        self.assertEqual(run("batch", fifo, "-o", self.out, "--resume").returncode, 2)

    def test_a_log_that_nobody_reads_does_not_end_it(self):
        source = self.write("in", requests(60, 30))
        read, write = os.pipe()
        process = subprocess.Popen([PROGRAM, "batch", source, "-o", self.out, "--progress", "0.05"],
                                   stderr=write, env=ENVIRONMENT)
        os.close(write)
        os.close(read)
        self.assertEqual(process.wait(timeout=60), 3)  # some of the lines are wrong
        self.assertEqual(len(self.read().splitlines()), 60)

    def test_progress_in_a_log(self):
        source = self.write("in", requests(60, 30))
        done = run("batch", source, "-o", self.out, "--progress", "0.1")
        self.assertRegex(done.stderr, rb"gptj: \d+ of 60 prompts.* tokens/s")
        self.assertRegex(done.stderr, rb"tokens/s, \d+ s left")
        self.assertNotIn(b"\r", done.stderr)

    def test_progress_on_a_terminal(self):
        source = self.write("in", requests(120, 60))
        leader, follower = pty.openpty()
        process = subprocess.Popen([PROGRAM, "batch", source, "-o", self.out], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=follower, env=ENVIRONMENT)
        os.close(follower)
        shown = b""
        while True:
            try:
                shown += os.read(leader, 10000)
            except OSError:  # the other end is closed
                break
        process.wait(timeout=60)
        os.close(leader)
        self.assertRegex(shown, rb"\r\x1b\[K\d+ of 120 prompts.*, [\d.]+ tokens/s, \d+ s left")

    def test_guesses_change_nothing(self):
        source = self.write("in", requests(20, 40))
        run("batch", source, "-o", self.out)
        other = os.path.join(self.folder, "other")
        run("batch", source, "-o", other, "--speculate", "off")
        with open(other, "rb") as file:
            self.assertEqual(file.read(), self.read())

    def test_clean_removes_the_journal(self):
        source = self.write("in", requests(2, 2))
        run("batch", source, "-o", self.out)
        self.assertTrue(os.path.exists(self.out + ".journal"))
        done = run("batch", source, "-o", self.out, "--resume", "--clean")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(os.path.exists(self.out + ".journal"))

    def test_a_full_disk_loses_nothing(self):
        source = self.write("in", requests(20, 8))
        run("batch", source, "-o", self.out)
        whole = self.read()
        os.remove(self.out)
        os.remove(self.out + ".journal")

        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) // 2, len(whole) // 2))
        process = start("batch", source, "-o", self.out, preexec_fn=limited)
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"cannot write", errors)
        run("batch", source, "-o", self.out, "--resume")
        self.assertEqual(self.read(), whole)

    def read_journal(self):
        if not os.path.exists(self.out + ".journal"):
            return b""
        with open(self.out + ".journal", "rb") as file:
            return file.read()

    def kill_and_resume(self, times, number, code):
        source = self.write("in", requests(120, 40))
        run("batch", source, "-o", self.out)
        whole = self.read()
        records = whole.count(b"\n")
        draw, in_the_middle = random.Random(5), 0
        for i in range(times):
            os.remove(self.out)
            os.remove(self.out + ".journal")
            process = start("batch", source, "-o", self.out)
            if i % 8 == 7:  # while it opens the model, or makes its files
                time.sleep(0.5 * draw.random())
            else:
                # The journal grows by several records at once, so it may have more than these.
                enough = draw.randint(0, records // 2)
                while self.read_journal().count(b"\n") <= enough and process.poll() is None:
                    time.sleep(0.01)
            process.send_signal(number)
            process.communicate(timeout=60)
            self.assertIn(process.returncode, (code, 3))  # 3: it had ended
            written = self.read() if os.path.exists(self.out) else b""
            self.assertTrue(whole.startswith(written[:written.rfind(b"\n") + 1]))
            kept = self.read_journal()
            kept = kept[:kept.rfind(b"\n") + 1]
            in_the_middle += 1 < kept.count(b"\n") < 1 + records
            done = run("batch", source, "-o", self.out, "--resume")
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertEqual(self.read(), whole)
            # What was kept is still there, and each record once: none was made again.
            journal = self.read_journal()
            self.assertTrue(journal.startswith(kept))
            self.assertEqual(journal.count(b"\n"), 1 + records)
        print(f"{times} of signal {number}, {in_the_middle} in the middle", file=sys.stderr)
        self.assertGreaterEqual(in_the_middle, times // 2)

    def test_killed_it_resumes(self):
        self.kill_and_resume(4, signal.SIGKILL, -9)

    def test_interrupted_it_resumes(self):
        self.kill_and_resume(3, signal.SIGINT, 130)


class LongBatch(Batch):
    def test_killed_it_resumes(self):
        self.kill_and_resume(int(os.environ.get("GPTJ_KILLS", "50")), signal.SIGKILL, -9)


class Convert(Folder):
    def convert(self, *arguments):
        target = os.path.join(self.folder, "model.safetensors")
        done = run("convert", FAIRYTALE, target, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return target, done

    def test_every_subcommand_reads_the_file(self):
        target, done = self.convert("--weights", "int4")
        self.assertEqual(done.stdout + done.stderr, b"")
        of_source = ["--model", FAIRYTALE, "--weights", "int4"]
        self.assertEqual(complete(*GREEDY, "--model", target, PROMPT),
                         complete(*GREEDY, *of_source, PROMPT))
        self.assertEqual(run("tokenize", "--model", target, PROMPT).stdout,
                         run("tokenize", PROMPT).stdout)
        text = self.write("text", b"The king went home. " * 10)
        self.assertEqual(run("perplexity", text, "--model", target).stdout,
                         run("perplexity", text, *of_source).stdout)
        info = json.loads(run("inspect", "--json", target).stdout)
        self.assertEqual(info["stored_type"], "int4")
        self.assertEqual(info["source"]["name"], "fairytale-8m")
        self.assertEqual(info["report"]["weights"], "int4")
        self.assertIn(b"converted from", run("inspect", target).stdout)
        done = run("complete", "--model", target, "--weights", "f16", PROMPT)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"gptj convert", done.stderr)

    def test_the_report_is_printed_and_stored(self):
        with open(os.path.join(GOLDEN, "fairytale-8m-heldout.txt"), "rb") as file:
            text = self.write("text", file.read(8000))
        target, done = self.convert("--weights", "int8", "--evaluate", text, "--json", "--quiet")
        report = json.loads(done.stdout)
        self.assertEqual(done.stderr, b"")
        self.assertEqual(report, json.loads(run("inspect", "--json", target).stdout)["report"])
        self.assertGreater(report["fidelity"]["mean_kl"], 0)
        self.assertLess(report["fidelity"]["mean_kl"], 1e-3)
        _, done = self.convert("--weights", "int8", "--calibrate", text, "--evaluate", text, "--report")
        self.assertRegex(done.stdout,
                         rb"bits per weight.*\nrounded for a text of \d+ tokens\n.*mean KL.*perplexity")

    # By the specification of the format, read without a line of this project's code.
    def test_the_file_is_valid_safetensors(self):
        for weights in ("f32", "bf16", "int8", "int4"):
            target, _ = self.convert("--weights", weights)
            with open(target, "rb") as file:
                data = file.read()
            (length,) = struct.unpack("<Q", data[:8])
            header = json.loads(data[8:8 + length])
            self.assertEqual((8 + length) % 4096, 0)
            metadata = header.pop("__metadata__")
            self.assertTrue(all(isinstance(value, str) for value in metadata.values()))
            end = 0
            for name, tensor in header.items():
                size = {"U8": 1, "F16": 2, "F32": 4}[tensor["dtype"]] * math.prod(tensor["shape"])
                self.assertEqual(tensor["data_offsets"], [end, end + size], name)
                if tensor["dtype"] == "U8":
                    self.assertEqual((end % 64, size % 64), (0, 0), name)
                end += size
            self.assertEqual(8 + length + end, len(data))
            # The embedding and the vectors are as the source has them.
            with open(os.path.join(FAIRYTALE, "model.safetensors"), "rb") as file:
                source = file.read()
            (source_length,) = struct.unpack("<Q", source[:8])
            begin, stop = json.loads(source[8:8 + source_length])["transformer.wte.weight"]["data_offsets"]
            mine, its = header["wte.weight"]["data_offsets"]
            self.assertEqual(data[8 + length + mine:8 + length + its],
                             source[8 + source_length + begin:8 + source_length + stop])

    # Its numbers are a hole in the file, and its lm_head in f32 is more than the machine has.
    def test_what_does_not_fit_is_refused_with_the_figure(self):
        with open("/proc/meminfo") as file:
            memory = int(re.search(r"MemTotal: +(\d+) kB", file.read())[1]) * 1024
        config = dict(f16_checkpoint.COMMON, vocab_size=2**24, n_positions=8, n_embd=1024, n_layer=1,
                      bos_token_id=0, eos_token_id=0)
        while config["vocab_size"] * config["n_embd"] * 4 < memory:
            config["n_embd"] *= 2
        header = f16_checkpoint.header(config)
        path = self.write("model.safetensors", header)
        os.truncate(path, len(header) + sum(f16_checkpoint.sizes(config)))
        self.write("config.json", json.dumps(config).encode())
        target = os.path.join(self.folder, "f32.safetensors")
        done = run("convert", self.folder, target, "--weights", "f32")
        self.assertEqual(done.returncode, 1)
        need = 2**24 * (config["n_embd"] + 1) * 4 / 1e9  # with its bias; all else is too little to show
        self.assertRegex(done.stderr, rb"converting needs %.2f GB, found \d+\.\d\d GB available" % need)
        self.assertEqual(set(os.listdir(self.folder)), {"config.json", "model.safetensors"})

    def test_wrong_usage(self):
        target = os.path.join(self.folder, "x.safetensors")
        for wrong in ([FAIRYTALE], [FAIRYTALE, "x.bin"], [FAIRYTALE, target, "--weights", "int3"]):
            self.assertEqual(run("convert", *wrong).returncode, 2, wrong)
        self.assertEqual(run("convert", self.folder, target).returncode, 1)
        self.assertEqual(os.listdir(self.folder), [])
        empty = self.write("empty", b"")
        for option in ("--calibrate", "--evaluate"):
            done = run("convert", FAIRYTALE, target, "--weights", "int4", option, empty)
            self.assertEqual(done.returncode, 2)
            self.assertIn(b"empty", done.stderr)


class ModelChoice(Folder):
    def test_the_bundled_model_is_found_from_anywhere(self):
        self.assertEqual(run("complete", *GREEDY, PROMPT, cwd=self.folder).stdout, greedy_text())

    def test_gptj_model(self):
        environment = {"GPTJ_MODEL": NO_TOKENIZER}
        done = run("complete", "--json", "--ids", "1", "--max-tokens", "1", env=environment)
        self.assertEqual(json.loads(done.stdout)["model"], "rotary-partial-f32")
        done = run("complete", "--json", *GREEDY, "--model", FAIRYTALE, PROMPT, env=environment)
        self.assertEqual(json.loads(done.stdout)["model"], "fairytale-8m")
        done = run("complete", *GREEDY, PROMPT, env={"GPTJ_MODEL": ""})
        self.assertEqual(done.stdout, greedy_text())

    def test_a_file_is_a_model_too(self):
        path = os.path.join(FAIRYTALE, "model.safetensors")
        self.assertEqual(complete(*GREEDY, "--model", path, PROMPT), greedy_text())
        self.assertEqual(run("tokenize", "--model", path, "a").returncode, 0)

    def test_another_tokenizer(self):
        bare = self.folder
        for name in ("config.json", "model.safetensors"):
            shutil.copy(os.path.join(FAIRYTALE, name), bare)
        without = run("complete", "--model", bare, *GREEDY, PROMPT)
        self.assertEqual(without.returncode, 2)
        self.assertIn(b"has no tokenizer; --tokenizer names one", without.stderr)
        file = os.path.join(self.folder, "with.safetensors")
        run("convert", bare, file, "--tokenizer", FAIRYTALE)
        for model in (["--model", bare, "--tokenizer", FAIRYTALE], ["--model", file],
                      ["--model", bare, "--tokenizer", file]):
            self.assertEqual(complete(*model, *GREEDY, PROMPT), greedy_text(), model)

    def test_an_unknown_model_is_a_failure(self):
        for command in (["complete", "a"], ["tokenize", "a"], ["inspect"]):
            done = run(*command, "--model", "/nowhere")
            self.assertEqual(done.returncode, 1, command)
            self.assertIn(b"/nowhere", done.stderr)
            self.assertTrue(done.stderr.startswith(b"gptj: "), done.stderr)
            self.assertEqual(done.stdout, b"")

    def test_isa(self):
        found = run("--version").stdout.decode().split("found:")[1].split()
        for isa in found:
            self.assertEqual(complete(*GREEDY, "--isa", isa, PROMPT), greedy_text())
        for isa in {"avx2", "avx512", "amx"} - set(found):
            done = run("complete", "--isa", isa, "a")
            self.assertEqual(done.returncode, 1)
            self.assertIn(", ".join(found).encode(), done.stderr)
        done = run("complete", "--isa", "sse9", "a")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"sse9", done.stderr)

    def test_threads_do_not_change_the_text(self):
        for threads in "1234":
            self.assertEqual(complete(*GREEDY, "--threads", threads, PROMPT), greedy_text())

    def test_max_ram(self):
        done = run("complete", "--max-ram", "1M", "a")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, rb"needs .*\d.*weights.*\d.*KV cache")
        self.assertEqual(run("complete", "--max-ram", "lots", "a").returncode, 2)


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


class Tokenize(Folder):
    def test_ids_count_and_json(self):
        ids = run("tokenize", PROMPT).stdout
        self.assertRegex(ids, rb"^\d+( \d+)*\n$")
        numbers = [int(i) for i in ids.split()]
        self.assertEqual(json.loads(run("tokenize", "--json", PROMPT).stdout), numbers)
        self.assertEqual(run("tokenize", "--count", PROMPT).stdout, b"%d\n" % len(numbers))
        self.assertEqual(run("tokenize", "--quiet", PROMPT).stderr, b"")

    def test_bytes_survive(self):
        for text in (b"a\n", b"\n", b"caf\xc3\xa9 \xff\xfe\0 <|endoftext|>", b""):
            ids = run("tokenize", stdin=text).stdout
            self.assertEqual(run("tokenize", "--decode", stdin=ids).stdout, text)
            self.assertEqual(run("tokenize", "--file", self.write("text", text)).stdout, ids)
            as_json = run("tokenize", "--json", stdin=text).stdout
            self.assertEqual(run("tokenize", "--decode", as_json.decode()).stdout, text)

    def test_a_final_newline_is_text(self):
        self.assertNotEqual(run("tokenize", stdin=b"a\n").stdout, run("tokenize", stdin=b"a").stdout)
        self.assertEqual(run("tokenize", stdin=b"a").stdout, run("tokenize", "a").stdout)

    def test_special_tokens(self):
        self.assertEqual(run("tokenize", "<|endoftext|>").stdout, b"4095\n")
        plain = run("tokenize", "--plain", "<|endoftext|>").stdout
        self.assertGreater(len(plain.split()), 1)
        self.assertEqual(run("tokenize", "--decode", plain.decode()).stdout, b"<|endoftext|>")

    def test_a_folder_with_tokenizer_files_alone(self):
        for names in (["tokenizer.json"], ["vocab.json", "merges.txt"]):
            folder = tempfile.mkdtemp(dir=self.folder)
            for name in names:
                shutil.copy(os.path.join(FAIRYTALE, name), folder)
            self.assertEqual(run("tokenize", "--model", folder, PROMPT).stdout,
                             run("tokenize", PROMPT).stdout)
        self.assertEqual(run("complete", "--model", folder, "a").returncode, 1)

    def test_errors(self):
        self.assertEqual(run("tokenize", "--file", "/nowhere").returncode, 1)
        self.assertEqual(run("tokenize", "--file", self.folder).returncode, 1)
        self.assertEqual(run("tokenize", "--model", NO_TOKENIZER, "a").returncode, 1)
        self.assertEqual(run("tokenize", "--decode", "1 x").returncode, 2)
        self.assertNotEqual(run("tokenize", "--decode", "999999").returncode, 0)


class Inspect(Folder):
    def test_json(self):
        path = os.path.join(FAIRYTALE, "model.safetensors")
        with open(path, "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        tensors = {name.removeprefix("transformer."): tensor["shape"]
                   for name, tensor in header.items() if name != "__metadata__"}
        for arguments in ([], [FAIRYTALE], ["--model", FAIRYTALE], [path]):
            done = json.loads(run("inspect", "--json", *arguments).stdout)
            shapes = {t["name"]: t["shape"] for t in done["tensors"]}
            self.assertLessEqual(shapes.items(), tensors.items())
            self.assertEqual(done["parameters"], sum(map(math.prod, shapes.values())))
            self.assertEqual(done["file_bytes"], os.path.getsize(path))
            self.assertEqual(set(done["memory"]), {"f32", "f16", "bf16", "int8", "int4"})
            self.assertAlmostEqual(done["memory"]["int4"]["bits_per_weight_of_gpt_j_6b"], 4.2965, 4)
            self.assertAlmostEqual(
                done["memory"]["int4"]["bits_per_weight_of_gpt_j_6b_with_int4_head"], 4.1728, 4)
            self.assertEqual(set(done["kv_cache"]), {"f32", "f16", "bf16", "int8"})
            with open(os.path.join(FAIRYTALE, "config.json")) as file:
                config = json.load(file)
            for name in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "rotary_dim"):
                self.assertEqual(done["config"][name], config[name])
        skipped = (".attn.bias", ".attn.masked_bias", "embed_positions")
        self.assertEqual({n for n in tensors if not n.endswith(skipped)}, set(shapes))

    def test_text(self):
        text = run("inspect").stdout.decode()
        parameters = json.loads(run("inspect", "--json").stdout)["parameters"]
        self.assertIn(f"{parameters:,}", text)
        self.assertNotIn("lm_head.weight", text)
        self.assertIn("lm_head.weight", run("inspect", "--tensors").stdout.decode())

    def memory_rows(self, path):
        text = run("inspect", path).stdout.decode()
        rows = re.search(r"\n  memory .*\n((?:  .*\n)*?)  multiplied by", text)[1]
        return {row.split()[0]: float(row.split()[1]) for row in rows.splitlines()}

    # A file of whole numbers is packed anew in any type, one of rounded numbers in none.
    def test_packed_files_need_what_they_hold(self):
        types = {"f32", "f16", "bf16", "int8", "int4"}
        self.assertEqual(set(self.memory_rows(FAIRYTALE)), types)
        self.assertIsNone(json.loads(run("inspect", "--json").stdout)["head_type"])
        path = os.path.join(self.folder, "model.safetensors")
        bits = []
        for weights, head, rows in (("int4", "int8", {"int4"}), ("int4", "int4", {"int4"}),
                                    ("f16", "f16", types), ("bf16", "f32", types),
                                    ("f16", "int8", {"f16"})):
            done = run("convert", FAIRYTALE, path, "--weights", weights, "--head", head)
            self.assertEqual(done.returncode, 0, done.stderr)
            done = json.loads(run("inspect", "--json", path).stdout)
            self.assertEqual((done["stored_type"], done["head_type"]), (weights, head))
            self.assertEqual(set(done["memory"]), types)
            need = done["memory"][weights]
            self.assertEqual(need["bits_per_weight"], done["report"]["bits_per_weight"])
            found = self.memory_rows(path)
            self.assertEqual(set(found), rows)
            self.assertAlmostEqual(found[weights], need["weights_bytes"] / 1e9, delta=0.0006)
            bits.append(need["bits_per_weight"])
            for asked in types - {weights}:
                loads = run("complete", "--model", path, "--weights", asked, *GREEDY, PROMPT)
                self.assertEqual(loads.returncode, 0 if asked in rows else 1, asked)
        self.assertLess(bits[1], bits[0])


class Perplexity(Folder):
    def test_json_and_text(self):
        path = self.write("text", b"The king went home, and the queen was glad. " * 20)
        ids = run("tokenize", "--file", path).stdout.split()
        done = json.loads(run("perplexity", path, "--json").stdout)
        self.assertEqual(list(done), ["perplexity", "tokens", "window", "stride"])
        self.assertEqual((done["tokens"], done["window"], done["stride"]), (len(ids) - 1, 512, 512))
        self.assertGreater(done["perplexity"], 1)
        scored = complete_json("--ids", b",".join(ids).decode(), "--max-tokens", "0", "--echo",
                               "--logprobs", "0")["choices"][0]["logprobs"]["token_logprobs"]
        mean = -sum(scored[1:]) / (len(ids) - 1)
        self.assertAlmostEqual(math.log(done["perplexity"]), mean, delta=1e-5)
        done = json.loads(run("perplexity", path, "--json", "--window", "50",
                              "--stride", "20").stdout)
        self.assertEqual((done["tokens"], done["window"], done["stride"]), (len(ids) - 1, 50, 20))
        self.assertRegex(run("perplexity", path, "--window", "50").stdout,
                         rb"^perplexity \d+\.\d{4} over \d+ tokens .*50.*\n$")

    def test_errors(self):
        path = self.write("text", b"The king went home.")
        self.assertEqual(run("perplexity", "/nowhere").returncode, 1)
        self.assertEqual(run("perplexity", self.write("short", b"")).returncode, 1)
        self.assertEqual(run("perplexity", path, "--model", NO_TOKENIZER).returncode, 1)
        self.assertEqual(run("perplexity", path, "--window", "513").returncode, 2)
        self.assertEqual(run("perplexity", path, "--window", "20", "--stride", "21").returncode, 2)


# Long enough to be interrupted wherever it runs.
LONG = ["--ignore-eos", "--max-tokens", "500", "--isa", "portable", "--threads", "1", "--weights",
        "f32", PROMPT]


class Signals(unittest.TestCase):
    def test_ctrl_c_prints_what_there_is(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            process = start("complete", "--seed", "1", *LONG)
            first = os.read(process.stdout.fileno(), 100000)
            process.send_signal(number)
            rest = process.communicate(timeout=60)[0]
            self.assertEqual(process.returncode, code)
            whole = complete("--seed", "1", *LONG)
            self.assertTrue(whole.startswith(first + rest))
            self.assertLess(len(first + rest), len(whole))

    def test_ctrl_c_prints_what_was_held_back(self):
        text = complete("--seed", "1", *LONG)
        stop = text.decode() + "\1"  # so all of the text may be the beginning of the stop string
        for delay in (1, 3, 9, 27):
            process = start("complete", "--seed", "1", "--stop", stop, *LONG)
            time.sleep(delay / 4)
            process.send_signal(signal.SIGINT)
            out = process.communicate(timeout=60)[0]
            self.assertEqual(process.returncode, 130)
            self.assertTrue(text.startswith(out))
            if out:
                return
        self.fail("it never got so far as a token")

    def test_ctrl_c_with_json(self):
        for delay in (1, 4, 16, 64):
            process = start("complete", "--json", "--n", "100", *LONG)
            time.sleep(delay)
            process.send_signal(signal.SIGINT)
            out = process.communicate(timeout=60)[0]
            self.assertEqual(process.returncode, 130)
            if out:  # else it was still loading
                break
        choices = json.loads(out)["choices"]
        self.assertEqual(len(choices), 100)
        self.assertEqual({c["finish_reason"] for c in choices}, {"cancelled"})

    def test_ctrl_c_ends_the_wait_for_input(self):
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        for command in (["tokenize"], ["complete"], ["repl"]):
            process = start(*command, stdin=read)
            time.sleep(1)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.communicate(timeout=60), (b"", b""))
            self.assertEqual(process.returncode, 130)

    def test_a_second_ctrl_c_ends_it_at_once(self):
        fifo = tempfile.mktemp(prefix="gptj-test-")
        os.mkfifo(fifo)
        self.addCleanup(os.remove, fifo)
        process = start("complete", "--file", fifo)  # waits for somebody to write
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.communicate(timeout=5), (b"", b""))
        self.assertEqual(process.returncode, 130)

    def test_a_closed_pipe_ends_quietly(self):
        process = start("complete", "--seed", "1", "--quiet", *LONG)
        os.read(process.stdout.fileno(), 1)
        process.stdout.close()
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()


# The machine is measured each time, which takes a while: LongBench runs with tools/test.sh --all.
class LongBench(unittest.TestCase):
    def test_json(self):
        done = json.loads(run("bench", "--json", "--only", "decode", "--tokens", "2", "--runs", "1",
                              *sum((MODEL_OPTIONS[o] for o in ("--model", "--weights", "--kv-cache",
                                                              "--threads", "--max-ram", "--isa",
                                                              "--quiet")), [])).stdout)
        self.assertEqual((done["model"], done["isa"], done["weights"], done["kv_cache"]),
                         ("fairytale-8m", "portable", "bf16", "int8"))
        self.assertEqual(done["decode"]["tokens"], 2)
        self.assertEqual((done["prompt"], done["batch"]), ([], []))
        self.assertNotIn("decode_long", done)
        self.assertGreater(done["machine"]["read_gb_per_s"], 0)
        self.assertRegex(done["logits_hash"], r"^[0-9a-f]{16}$")
        with tempfile.NamedTemporaryFile("w", suffix=".json") as report:
            json.dump(done, report)
            report.flush()
            drawn = subprocess.run([sys.executable, os.path.join(ROOT, "tools", "roofline.py"), report.name],
                                   capture_output=True)
        self.assertIn(b"bf16, decode", drawn.stdout, drawn.stderr)

    def test_text(self):
        done = run("bench", "--only", "prompt", "--prompt", "8", "--only", "batch", "--batch", "3",
                   "--only", "decode_long", "--tokens", "6", "--runs", "1", "--synthetic",
                   "small-1gb", "--layers", "1", "--seed", "5", "--weights", "int4")
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in (b"prompt of 8: ", b"batch of 3: ", b"decode after 1792 tokens: "):
            self.assertIn(line, done.stdout)
        self.assertNotIn(b"\ndecode: ", done.stdout)

    def test_seed(self):
        # Whatever is measured, and by however many threads.
        hashes = [json.loads(run("bench", "--json", "--only", only, "--runs", "1", "--tokens", "6", "--batch", "2",
                                 "--threads", threads, "--synthetic", "small-1gb", "--layers", "1", "--seed",
                                 seed).stdout)["logits_hash"]
                  for seed, only, threads in (("1", "decode", "2"), ("2", "decode", "2"), ("2", "batch", "64"))]
        self.assertNotEqual(hashes[0], hashes[1])
        self.assertEqual(hashes[1], hashes[2])

    def test_ctrl_c(self):
        process = start("bench")
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.communicate(timeout=300)[0], b"")
        self.assertEqual(process.returncode, 130)


class BenchUsage(unittest.TestCase):
    def test_wrong_values(self):
        for wrong in (["--only", "everything"], ["--synthetic", "gpt-9"], ["--runs", "0"],
                      ["--tokens", "0"], ["--prompt", "0"], ["--batch", "0"]):
            self.assertEqual(run("bench", *wrong).returncode, 2, wrong)


if __name__ == "__main__":
    del sys.argv[1:2]
    unittest.main()
