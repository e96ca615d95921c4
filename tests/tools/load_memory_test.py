#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peak memory of loading an f16 checkpoint: at most its file's size plus 10 % plus 64 MB.

Usage: load_memory_test.py GPTJ_PROGRAM
"""
import json
import os
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import f16_checkpoint  # noqa: E402

CONFIG = dict(f16_checkpoint.COMMON, n_positions=256, n_embd=1024, n_layer=20, bos_token_id=0, eos_token_id=0)


def write_zeros(path):
    """A valid checkpoint of zeros; the data are a hole, but reading it takes memory as any file does."""
    header = f16_checkpoint.header(CONFIG)
    with open(path, "wb") as file:
        file.write(header)
        file.truncate(len(header) + sum(f16_checkpoint.sizes(CONFIG)))


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
