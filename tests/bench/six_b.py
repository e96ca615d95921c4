#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint of GPT-J-6B's shape with random f16 weights, 12.1 GB: six_b.py FOLDER

Its numbers are a few megabytes of random ones over and over, so that it is written as fast as the disk takes it.
"""
import json
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import f16_checkpoint  # noqa: E402

CONFIG = dict(f16_checkpoint.COMMON, n_positions=2048, n_embd=4096, n_layer=28, bos_token_id=50256,
              eos_token_id=50256)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    rng = random.Random(7)
    # Uniform of variance 1 / 4096, and an odd period, so that no two rows are the same.
    some = struct.pack("<1999993e", *(rng.uniform(-0.027, 0.027) for _ in range(1999993)))
    with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as file:
        json.dump(CONFIG, file)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(f16_checkpoint.header(CONFIG))
        for size in f16_checkpoint.sizes(CONFIG):
            for _ in range(size // len(some)):
                file.write(some)
            file.write(some[:size % len(some)])


main()
