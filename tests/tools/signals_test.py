# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C, SIGTERM and closed pipes."""
import json
import os
import signal
import tempfile
import time
import unittest

from program import PROMPT, complete, main, start


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


if __name__ == "__main__":
    main()
