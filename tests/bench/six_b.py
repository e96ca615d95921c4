#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint of GPT-J-6B's shape with random weights: six_b.py FOLDER [--pytorch]

model.safetensors of f16, 12.1 GB; with --pytorch a pytorch_model.bin of f32 as the official one is, 24.2 GB, made
without PyTorch. Its numbers are a few megabytes of random ones over and over, so that it is written as fast as the
disk takes it.
"""
import collections
import functools
import io
import json
import math
import os
import pickle
import random
import struct
import sys
import types
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import f16_checkpoint  # noqa: E402

CONFIG = dict(f16_checkpoint.COMMON, n_positions=2048, n_embd=4096, n_layer=28, bos_token_id=50256,
              eos_token_id=50256)


@functools.lru_cache
def some_numbers(kind):
    """Uniform of variance 1 / 4096, with an odd period, so that no two rows are the same."""
    rng = random.Random(7)
    return struct.pack("<1999993" + kind, *(rng.uniform(-0.027, 0.027) for _ in range(1999993)))


def write_numbers(file, kind, count):
    some = some_numbers(kind)
    size = count * struct.calcsize(kind)
    for _ in range(size // len(some)):
        file.write(some)
    file.write(some[:size % len(some)])


class Storage:
    def __init__(self, key, count):
        self.key, self.count = key, count


def pickle_of(tensors):
    """What torch.save writes as data.pkl: an ordered dictionary of tensors, their numbers elsewhere."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    sys.modules.update({"torch": torch, "torch._utils": utils})

    def rebuild(*_):
        raise NotImplementedError

    rebuild.__module__, rebuild.__qualname__, rebuild.__name__ = "torch._utils", *["_rebuild_tensor_v2"] * 2
    utils._rebuild_tensor_v2 = rebuild
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})

    class Tensor:
        def __init__(self, key, shape):
            self.key, self.shape = key, tuple(shape)

        def __reduce__(self):
            strides = tuple(math.prod(self.shape[i + 1:]) for i in range(len(self.shape)))
            storage = Storage(self.key, math.prod(self.shape))
            return rebuild, (storage, 0, self.shape, strides, False, collections.OrderedDict())

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            return ("storage", torch.FloatStorage, obj.key, "cpu", obj.count) if isinstance(obj, Storage) else None

    out = io.BytesIO()
    Pickler(out, 2).dump(collections.OrderedDict(
        (name, Tensor(str(i), shape)) for i, (name, shape) in enumerate(tensors)))
    return out.getvalue()


def write_pytorch(path):
    tensors = list(f16_checkpoint.shapes(CONFIG))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickle_of(tensors))
        for i, (_, shape) in enumerate(tensors):
            with archive.open(f"archive/data/{i}", "w", force_zip64=True) as file:
                write_numbers(file, "f", math.prod(shape))
        archive.writestr("archive/version", "3\n")


def write_safetensors(path):
    with open(path, "wb") as file:
        file.write(f16_checkpoint.header(CONFIG))
        for _, shape in f16_checkpoint.shapes(CONFIG):
            write_numbers(file, "e", math.prod(shape))


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as file:
        json.dump(CONFIG, file)
    if "--pytorch" in sys.argv[2:]:
        write_pytorch(os.path.join(folder, "pytorch_model.bin"))
    else:
        write_safetensors(os.path.join(folder, "model.safetensors"))


main()
