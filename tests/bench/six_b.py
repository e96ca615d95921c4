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

CONFIG = dict(model_type="gptj", vocab_size=50400, n_positions=2048, n_embd=4096, n_layer=28, n_head=16,
              rotary_dim=64, n_inner=None, activation_function="gelu_new", layer_norm_epsilon=1e-5,
              bos_token_id=50256, eos_token_id=50256, tie_word_embeddings=False)


def shapes(c):
    width, vocab, inner = c["n_embd"], c["vocab_size"], 4 * c["n_embd"]
    yield "transformer.wte.weight", [vocab, width]
    for i in range(c["n_layer"]):
        h = f"transformer.h.{i}."
        yield h + "ln_1.weight", [width]
        yield h + "ln_1.bias", [width]
        for name in ("q", "k", "v", "out"):
            yield f"{h}attn.{name}_proj.weight", [width, width]
        yield h + "mlp.fc_in.weight", [inner, width]
        yield h + "mlp.fc_in.bias", [inner]
        yield h + "mlp.fc_out.weight", [width, inner]
        yield h + "mlp.fc_out.bias", [width]
    yield "transformer.ln_f.weight", [width]
    yield "transformer.ln_f.bias", [width]
    yield "lm_head.weight", [vocab, width]
    yield "lm_head.bias", [vocab]


def size_of(shape):
    size = 2
    for extent in shape:
        size *= extent
    return size


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    header, end = {}, 0
    for name, shape in shapes(CONFIG):
        begin, end = end, end + size_of(shape)
        header[name] = dict(dtype="F16", shape=shape, data_offsets=[begin, end])
    text = json.dumps(header).encode()
    rng = random.Random(7)
    # Uniform of variance 1 / 4096, and an odd period, so that no two rows are the same.
    some = struct.pack("<1999993e", *(rng.uniform(-0.027, 0.027) for _ in range(1999993)))
    with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as file:
        json.dump(CONFIG, file)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in shapes(CONFIG):
            size = size_of(shape)
            for _ in range(size // len(some)):
                file.write(some)
            file.write(some[:size % len(some)])


main()
