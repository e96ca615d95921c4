# SPDX-License-Identifier: Apache-2.0
"""repl: a text in turns."""
import json
import os
import pty
import re
import signal
import subprocess

from program import (ENVIRONMENT, GREEDY, NO_TOKENIZER, PROGRAM, Folder, complete_json, main, run, start)


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


if __name__ == "__main__":
    main()
