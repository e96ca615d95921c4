# SPDX-License-Identifier: Apache-2.0
"""bench: its figures and its options."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from program import MODEL_OPTIONS, ROOT, main, run, start


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
    main()
