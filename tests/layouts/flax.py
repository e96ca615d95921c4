# SPDX-License-Identifier: Apache-2.0
"""flax_model.msgpack, written from the formats' description."""
import json
import os
import struct

import numpy as np

import tensors as st

DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def head(n, small, limits):
    """The first bytes of a value of n bytes or entries: (most, byte, format of the length) ..."""
    if small is not None and n <= small[0]:
        return bytes([small[1] | n])
    for most, byte, form in limits:
        if n <= most:
            return bytes([byte]) + struct.pack(form, n)
    raise ValueError(n)


def text(string):
    raw = string.encode()
    return head(len(raw), (31, 0xA0), [(255, 0xD9, ">B"), (65535, 0xDA, ">H")]) + raw


def unsigned(n):
    return head(n, (127, 0), [(255, 0xCC, ">B"), (65535, 0xCD, ">H"), (2**32 - 1, 0xCE, ">I")])


def binary(raw):
    return head(len(raw), None, [(255, 0xC4, ">B"), (65535, 0xC5, ">H"), (2**32 - 1, 0xC6, ">I")]) + raw


def array(tensor):
    dtype, values = tensor
    shape = b"".join(unsigned(extent) for extent in values.shape)
    payload = bytes([0x93, 0x90 | values.ndim]) + shape + text(DTYPES[dtype]) + binary(values.tobytes())
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}.get(len(payload))
    if fixed is not None:
        return bytes([fixed, 1]) + payload
    limits = [(255, 0xC7, ">B"), (65535, 0xC8, ">H"), (2**32 - 1, 0xC9, ">I")]
    return head(len(payload), None, limits) + b"\x01" + payload


def tree(node):
    if isinstance(node, tuple):
        return array(node)
    out = head(len(node), (15, 0x80), [(65535, 0xDE, ">H")])
    return out + b"".join(text(key) + tree(value) for key, value in node.items())


def flax_path(name, ndim):
    """transformer.h.0.ln_1.weight to its keys."""
    keys = name.split(".")
    if keys[-1] == "weight":
        keys[-1] = "embedding" if keys[-2] == "wte" else "kernel" if ndim == 2 else "scale"
    return keys


def write_sharded(folder, tensors):
    """As transformers does above max_shard_size: each shard a tree of its own, and an index of paths."""
    names = sorted(tensors)
    weight_map, expected = {}, {}
    for i, part in enumerate((names[::2], names[1::2])):
        shard = f"flax_model-{i + 1:05d}-of-00002.msgpack"
        expected |= write(os.path.join(folder, shard), {name: tensors[name] for name in part})
        weight_map |= {"/".join(flax_path(name, tensors[name][1].ndim)): shard for name in part}
    with open(os.path.join(folder, "flax_model.msgpack.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": 0}, "weight_map": weight_map}, file)
    return expected


def write(path, tensors):
    root = {}
    for name, (dtype, values) in tensors.items():
        keys = flax_path(name, values.ndim)
        node = root
        for key in keys[:-1]:
            node = node.setdefault(key, {})
        node[keys[-1]] = (dtype, np.ascontiguousarray(values.T) if keys[-1] == "kernel" else values)
    with open(path, "wb") as file:
        file.write(tree(root))
    return {st.canonical(name): tensor for name, tensor in tensors.items()}
