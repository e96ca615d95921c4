#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peak memory of loading an f16 checkpoint: at most its file's size plus 10 % plus 64 MB.

Usage: load_memory_test.py GPTJ_PROGRAM
"""
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile

CONFIG = dict(model_type="gptj", vocab_size=50400, n_positions=256, n_embd=1024, n_layer=20, n_head=16,
              rotary_dim=64, n_inner=None, activation_function="gelu_new", layer_norm_epsilon=1e-5,
              bos_token_id=0, eos_token_id=0, tie_word_embeddings=False)


def shapes(c):
    d, vocab, inner = c["n_embd"], c["vocab_size"], 4 * c["n_embd"]
    yield "transformer.wte.weight", [vocab, d]
    for i in range(c["n_layer"]):
        h = f"transformer.h.{i}."
        for name in ("ln_1.weight", "ln_1.bias", "mlp.fc_out.bias"):
            yield h + name, [d]
        for name in ("q", "k", "v", "out"):
            yield f"{h}attn.{name}_proj.weight", [d, d]
        yield h + "mlp.fc_in.weight", [inner, d]
        yield h + "mlp.fc_in.bias", [inner]
        yield h + "mlp.fc_out.weight", [d, inner]
    yield "transformer.ln_f.weight", [d]
    yield "transformer.ln_f.bias", [d]
    yield "lm_head.weight", [vocab, d]
    yield "lm_head.bias", [vocab]


def write_zeros(path):
    """A valid checkpoint of zeros; the data are a hole, but reading it takes memory as any file does."""
    header, offset = {}, 0
    for name, shape in shapes(CONFIG):
        size = 2
        for extent in shape:
            size *= extent
        header[name] = dict(dtype="F16", shape=shape, data_offsets=[offset, offset + size])
        offset += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)


def main():
    with tempfile.TemporaryDirectory() as folder:
        weights = os.path.join(folder, "model.safetensors")
        write_zeros(weights)
        with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as file:
            json.dump(CONFIG, file)
        result = subprocess.run(
            [sys.argv[1], "complete", "--model", folder, "--ids", "1,2,3", "--max-tokens", "2"],
            check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        info = json.loads(subprocess.run([sys.argv[1], "inspect", "--json", folder], check=True,
                                         stdout=subprocess.PIPE, text=True).stdout)
        file_bytes = os.path.getsize(weights)
    # Its f16 weights are slower than bf16 where the processor multiplies those by themselves.
    by = info["products_by"]
    hint = f"gptj: f16 weights are multiplied as f32 here; --weights bf16 uses {by['bf16']} "
    if (hint in result.stderr) != (by["bf16"] in ("avx512bf16", "amx")):
        sys.exit(f"bf16 by {by['bf16']}, and on stderr: {result.stderr}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    limit = file_bytes * 1.1 + 64e6
    print(f"ids {result.stdout.strip()}; file {file_bytes / 1e6:.0f} MB, peak {peak / 1e6:.0f} MB, "
          f"allowed {limit / 1e6:.0f} MB")
    sys.exit(0 if peak <= limit and peak > file_bytes / 2 else 1)


main()
