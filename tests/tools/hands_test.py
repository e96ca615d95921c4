# SPDX-License-Identifier: Apache-2.0
"""What people type and hand over: files from Windows, options nearly right, clients' requests, odd model folders.

    python3 hands_test.py build/gptj [unittest arguments]
"""
import json
import os
import shutil
import unittest

from program import FAIRYTALE, GREEDY, PROMPT, Folder, complete, complete_json, run

IDS = [11, 269, 259, 763, 357, 1080, 308, 276, 300, 2151, 13, 198, 198, 6]
MARK = b"\xef\xbb\xbf"


class FromWindows(Folder):
    def test_cr_lf_is_one_final_newline(self):
        got = complete_json(*GREEDY, stdin=PROMPT.encode() + b"\r\n")
        self.assertEqual(got["usage"]["prompt_tokens"], 4)
        self.assertEqual(got["choices"][0]["token_ids"], IDS[:6])
        self.assertEqual(complete(*GREEDY, stdin=b"One\r\nTwo\r\n"), complete(*GREEDY, stdin=b"One\nTwo\n"))
        path = self.write("prompt", PROMPT.encode() + b"\r\n")
        self.assertEqual(complete(*GREEDY, "--file", path), complete(*GREEDY, PROMPT))

    def test_repl_takes_commands_with_cr_lf(self):
        done = run("repl", "--quiet", *GREEDY, stdin=MARK + PROMPT.encode() + b"\r\n/quit\r\n")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout, complete(*GREEDY, PROMPT) + b"\n")

    def test_a_byte_order_mark_is_dropped(self):
        self.assertEqual(complete(*GREEDY, stdin=MARK + PROMPT.encode()), complete(*GREEDY, PROMPT))
        text = b"Once upon a time there was a king who had three daughters.\n" * 3
        marked, plain = self.write("marked", MARK + text.replace(b"\n", b"\r\n")), self.write("plain", text)
        scores = [run("perplexity", "--json", path).stdout for path in (marked, plain)]
        self.assertEqual(*scores)
        self.assertIn(b"perplexity", scores[0])
        line = json.dumps({"prompt": PROMPT, "max_tokens": 3}).encode()
        batches = [run("batch", self.write(str(i), b)).stdout for i, b in
                   enumerate((MARK + line + b"\r\n" + line + b"\r\n", line + b"\n" + line + b"\n"))]
        self.assertEqual(*batches)
        self.assertEqual(batches[0].count(b"choices"), 2)

    def test_utf16_is_refused_once_by_name(self):
        line = json.dumps({"prompt": PROMPT}) + "\n"
        for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
            for command, text in (("complete", PROMPT), ("perplexity", PROMPT), ("batch", line * 3)):
                path = self.write("text", text.encode(encoding))
                arguments = ["--file", path] if command == "complete" else [path]
                done = run(command, *arguments)
                self.assertEqual(done.returncode, 1, (command, done.stderr))
                self.assertEqual(done.stdout, b"")
                self.assertEqual(done.stderr.count(b"found UTF-16"), 1, done.stderr)
                self.assertIn(path.encode(), done.stderr)
            output = os.path.join(self.folder, "out")
            self.assertEqual(run("batch", path, "-o", output).returncode, 1)
            self.assertFalse(os.path.exists(output))


class StandardInput(Folder):
    def test_a_dash_is_standard_input_where_a_file_is_read(self):
        text = b"Once upon a time there was a king.\n"
        path = self.write("text", text)
        self.assertEqual(run("perplexity", "--json", "-", stdin=text).stdout, run("perplexity", "--json", path).stdout)
        self.assertEqual(complete(*GREEDY, "--file", "-", stdin=text), complete(*GREEDY, "--file", path))
        self.assertEqual(run("tokenize", "--file", "-", stdin=text).stdout, run("tokenize", "--file", path).stdout)
        line = b'{"prompt": "Once", "max_tokens": 2}\n'
        self.assertEqual(run("batch", "-", stdin=line).stdout, run("batch", self.write("b", line)).stdout)


class NearlyRight(Folder):
    def refused(self, *arguments):
        done = run(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        return done.stderr.decode()

    def test_underscores_are_dashes(self):
        self.assertEqual(complete("--max_tokens", "6", "--temperature", "0", PROMPT), complete(*GREEDY, PROMPT))
        self.assertEqual(complete("--max_tokens=6", "--temperature=0", PROMPT), complete(*GREEDY, PROMPT))
        # Not in values, nor behind --.
        self.assertEqual(complete(*GREEDY, "--echo", "--", "--max_tokens")[:12], b"--max_tokens")

    def test_the_nearest_option_is_named(self):
        self.assertIn("there is no option --temprature; did you mean --temperature?",
                      self.refused("complete", "Once", "--temprature", "1"))
        self.assertIn("did you mean --max-tokens?", self.refused("complete", "Once", "--max_token", "1"))
        self.assertIn("did you mean --threads?", self.refused("bench", "--thread", "1"))
        far = self.refused("complete", "Once", "--xyzzy-plugh")
        self.assertIn("there is no option --xyzzy-plugh; gptj complete --help lists them", far)
        self.assertIn('no command or option "complet"; did you mean complete?', self.refused("complet"))
        self.assertIn("quotation marks", self.refused("complete", "Once", "upon"))

    def test_a_stop_string_with_a_backslash_draws_advice(self):
        for command, stdin in ((["complete", "Once"], b""), (["batch"], b'{"prompt": "Once"}\n'), (["repl"], b"Once\n")):
            done = run(*command, "--stop", "\\n", "--max-tokens", "1", stdin=stdin)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr.count(b"has a backslash and an n in it"), 1, command)
            done = run(*command, "--stop", "\\n", "--max-tokens", "1", "--quiet", stdin=stdin)
            self.assertEqual(done.stderr, b"")
        done = run("complete", "Once", "--stop", "\n", "--max-tokens", "1")
        self.assertNotIn(b"backslash", done.stderr)

    def test_a_bad_word_does_not_come_behind_a_space(self):
        text = complete("--bad-words", "king", "--temperature", "0", "--max-tokens", "12", PROMPT)
        self.assertEqual(text, b", and the man who had been so much as a man")


class Clients(Folder):
    def batch(self, *lines):
        done = run("batch", self.write("requests", b"\n".join(json.dumps(line).encode() for line in lines)))
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def test_lists_of_prompts(self):
        rest = {"max_tokens": 4, "seed": 5, "temperature": 1.0}
        code, records = self.batch(
            {"prompt": PROMPT, **rest}, {"prompt": [PROMPT], **rest}, {"prompt": [[3160, 667]], **rest},
            {"prompt": [3160, 667], **rest}, {"prompt": ["Once", "Twice"], "n": 2, **rest},
            {"prompt": "Once", "n": 2, **rest}, {"prompt": "Twice", "n": 2, **rest})
        self.assertEqual(code, 0)
        for record in records:
            del record["id"]
        plain, listed, ids_listed, ids, both, once, twice = records
        self.assertEqual(plain, listed)
        self.assertEqual(ids, ids_listed)
        for choice in twice["choices"]:
            choice["index"] += 2
        self.assertEqual(both["choices"], once["choices"] + twice["choices"])
        self.assertEqual(both["usage"], {key: once["usage"][key] + twice["usage"][key] for key in both["usage"]})

    def test_a_wrong_prompt_of_several_fails_its_line_alone(self):
        code, records = self.batch({"prompt": ["Once", [1]]}, {"prompt": [[1], [999999]]}, {"prompt": [1.5]},
                                   {"prompt": [None]}, {"prompt": "Once", "max_tokens": 1})
        self.assertEqual(code, 3)
        for record in records[:4]:
            self.assertEqual(record["error"]["param"], "prompt", record)
        self.assertIn("choices", records[4])

    def test_hugging_faces_names(self):
        code, records = self.batch({"prompt": PROMPT, "max_new_tokens": 5, "do_sample": False},
                                   {"prompt": PROMPT, "max_tokens": 5, "max_new_tokens": 6},
                                   {"prompt": PROMPT, "do_sample": False, "temperature": 0.7})
        self.assertEqual(code, 3)
        self.assertEqual(records[0]["choices"][0]["token_ids"], IDS[:5])
        self.assertEqual(records[1]["error"]["param"], "max_new_tokens")
        self.assertEqual(records[2]["error"]["param"], "temperature")

    def test_logprobs_have_one_name_for_a_token(self):
        got = complete_json("--logprobs", "3", "--temperature", "0", "--max-tokens", "3", "--logit-bias", "152=100", "caf")
        logprobs = got["choices"][0]["logprobs"]
        for name, top, logprob in zip(logprobs["tokens"], logprobs["top_logprobs"], logprobs["token_logprobs"]):
            self.assertTrue(name.startswith("bytes:\\x"), name)
            self.assertEqual(top[name], logprob)


class ModelFolders(Folder):
    """The cases whose settings stand in the model's files, as the program shows them."""

    def fine_tune(self, settings, config=None):
        folder = os.path.join(self.folder, "model")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for name in os.listdir(FAIRYTALE):
            if name not in ("generation_config.json", "config.json"):
                os.symlink(os.path.join(FAIRYTALE, name), os.path.join(folder, name))
        with open(os.path.join(FAIRYTALE, "config.json"), encoding="utf-8") as file:
            full = {**json.load(file), **(config or {})}
        for name, content in (("config.json", full), ("generation_config.json", settings)):
            if content is not None:
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    json.dump(content, file)
        return folder

    def ids(self, folder, *arguments):
        return complete_json("--model", folder, *arguments, PROMPT)["choices"][0]["token_ids"]

    def test_lengths_are_defaults_and_no_ceilings(self):
        folder = self.fine_tune({"do_sample": False, "max_new_tokens": 3})
        self.assertEqual(self.ids(folder), IDS[:3])
        self.assertEqual(self.ids(folder, "--max-tokens", "14"), IDS)
        self.assertEqual(self.ids(folder, "--max-tokens", "2"), IDS[:2])

    def test_suppressed_tokens(self):
        folder = self.fine_tune({"do_sample": False, "suppress_tokens": [11]})
        self.assertEqual(self.ids(folder, "--max-tokens", "6"), [258, 449, 431, 340, 258, 1080])

    def test_settings_of_old_configs(self):
        folder = self.fine_tune(None, {"repetition_penalty": 1.8})
        asked = complete_json("--repetition-penalty", "1.8", "--temperature", "0", "--max-tokens", "14", PROMPT)
        self.assertEqual(self.ids(folder, "--max-tokens", "14"), asked["choices"][0]["token_ids"])
        self.assertNotEqual(self.ids(folder, "--max-tokens", "14"), IDS)

    def test_what_is_not_done_is_a_warning(self):
        folder = self.fine_tune({"penalty_alpha": 0.6})
        done = run("complete", "--model", folder, "--max-tokens", "1", "Once")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr.count(b"warning"), 1, done.stderr)
        self.assertIn(b"generation_config.json: penalty_alpha: found 0.6", done.stderr)
        told = json.loads(run("inspect", "--json", "--model", folder).stdout)["warnings"]
        self.assertEqual(len(told), 1)
        # Its settings come along when it is converted, and so do the warnings.
        packed = os.path.join(self.folder, "packed.safetensors")
        self.assertEqual(run("convert", self.fine_tune({"do_sample": False, "max_new_tokens": 3, "top_h": 0.5}), packed).returncode, 0)
        done = run("complete", "--json", "--model", packed, PROMPT)
        self.assertEqual(len(json.loads(done.stdout)["choices"][0]["token_ids"]), 3)
        self.assertIn(b"top_h", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=["hands_test.py", *__import__("sys").argv[2:]])
