# SPDX-License-Identifier: Apache-2.0
"""The parts of an f16 checkpoint of any GPT-J's size, for tests that fill in its numbers themselves."""
import json
import math
import struct

COMMON = dict(model_type="gptj", vocab_size=50400, n_head=16, rotary_dim=64, n_inner=None,
              activation_function="gelu_new", layer_norm_epsilon=1e-5, tie_word_embeddings=False)


def shapes(config):
    width, vocab, inner = config["n_embd"], config["vocab_size"], 4 * config["n_embd"]
    yield "transformer.wte.weight", [vocab, width]
    for i in range(config["n_layer"]):
        h = f"transformer.h.{i}."
        for name in ("ln_1.weight", "ln_1.bias", "mlp.fc_out.bias"):
            yield h + name, [width]
        for name in ("q", "k", "v", "out"):
            yield f"{h}attn.{name}_proj.weight", [width, width]
        yield h + "mlp.fc_in.weight", [inner, width]
        yield h + "mlp.fc_in.bias", [inner]
        yield h + "mlp.fc_out.weight", [width, inner]
    yield "transformer.ln_f.weight", [width]
    yield "transformer.ln_f.bias", [width]
    yield "lm_head.weight", [vocab, width]
    yield "lm_head.bias", [vocab]


def sizes(config):
    """Bytes of each tensor, in the order of the data."""
    return [2 * math.prod(shape) for _, shape in shapes(config)]


def header(config):
    """What stands before the data: the header's length, and the header."""
    tensors, end = {}, 0
    for (name, shape), size in zip(shapes(config), sizes(config)):
        begin, end = end, end + size
        tensors[name] = dict(dtype="F16", shape=shape, data_offsets=[begin, end])
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text
