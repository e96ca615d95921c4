# SPDX-License-Identifier: Apache-2.0
"""convert: files of every weight type."""
import json
import math
import os
import re
import struct
import sys

from program import FAIRYTALE, Folder, GOLDEN, GREEDY, PROMPT, complete, main, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import f16_checkpoint  # noqa: E402


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


if __name__ == "__main__":
    main()
