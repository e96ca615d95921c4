# SPDX-License-Identifier: Apache-2.0
"""inspect, tokenize and perplexity."""
import json
import math
import os
import re
import shutil
import struct
import tempfile

from program import FAIRYTALE, Folder, GREEDY, NO_TOKENIZER, PROMPT, complete_json, main, run


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


if __name__ == "__main__":
    main()
