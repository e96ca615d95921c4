# SPDX-License-Identifier: Apache-2.0
"""Safetensors files to and from numpy. A tensor is (dtype, array); bfloat16 is an array of its bits."""
import json
import struct

import numpy as np

NUMPY = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "BOOL": "|b1"}


def read(path):
    """Tensors by name, and the metadata."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[begin:end], NUMPY[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = (entry["dtype"], array)
    return tensors, metadata


def write(path, tensors):
    header, data = {}, b""
    for name, (dtype, array) in tensors.items():
        raw = array.astype(NUMPY[dtype]).tobytes()
        header[name] = dict(dtype=dtype, shape=list(array.shape), data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def f32(tensor):
    """Its values, exactly."""
    dtype, array = tensor
    if dtype == "BF16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


def canonical(name):
    return name.removeprefix("transformer.")
