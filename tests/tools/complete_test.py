# SPDX-License-Identifier: Apache-2.0
"""complete: prompts, output, templates, and which model."""
import json
import os
import pty
import re
import shutil
import subprocess
import unittest

from program import (ENVIRONMENT, FAIRYTALE, Folder, GREEDY, NO_TOKENIZER, PROGRAM, PROMPT, REFERENCE, complete,
                     complete_json, greedy_text, main, run, start)


ALPACA = ("Below is an instruction that describes a task. Write a response that appropriately completes "
          "the request.\n\n### Instruction:\n{}\n\n### Response:")


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
            for other in found:
                self.assertIn(other.encode(), done.stderr)
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


if __name__ == "__main__":
    main()
