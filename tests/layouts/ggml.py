# SPDX-License-Identifier: Apache-2.0
"""Legacy ggml and GGJT files, written from the formats' description."""
import struct

import numpy as np

import tensors as st

TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q5_0": 6, "q5_1": 7, "q8_0": 8}
FILE_TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q8_0": 7, "q5_0": 8, "q5_1": 9}
TRANSPOSED = (".attn.q_proj.weight", ".attn.k_proj.weight", ".attn.v_proj.weight",
              ".attn.out_proj.weight", ".mlp.fc_in.weight")
BITS = {"q4_0": 4, "q4_1": 4, "q5_0": 5, "q5_1": 5, "q8_0": 8}


def quantize(values, kind, version):
    """Rows of f32 to (bytes, the f32 that they stand for)."""
    blocks = values.reshape(-1, 32)
    bits, with_minimum = BITS[kind], kind.endswith("_1")
    half = version == 2 or bits == 5
    if with_minimum:
        low = blocks.min(1)
        scale = (blocks.max(1) - low) / np.float32(2**bits - 1)
    else:
        low = np.zeros(len(blocks), np.float32)
        scale = np.abs(blocks).max(1) / np.float32(2 ** (bits - 1) - 1)
    number = np.float16 if half else np.float32
    scale, low = scale.astype(number), low.astype(number)
    d, m = scale.astype(np.float32)[:, None], low.astype(np.float32)[:, None]
    zero = 0 if with_minimum or bits == 8 else 2 ** (bits - 1)
    least, most = (-128, 127) if bits == 8 else (0, 2**bits - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        q = np.where(d == 0, 0, np.rint((blocks - m) / d)) + zero
    q = np.clip(q, least, most).astype(np.int32)
    exact = (q - zero).astype(np.float32) * d
    if with_minimum:
        exact = exact + m

    parts = [scale[:, None].view(np.uint8)]
    if with_minimum:
        parts.append(low[:, None].view(np.uint8))
    if bits == 5:
        high = ((q >> 4).astype(np.uint64) << np.arange(32, dtype=np.uint64)).sum(1).astype("<u4")
        parts.append(high[:, None].view(np.uint8))
    if bits == 8:
        parts.append(q.astype(np.int8).view(np.uint8))
    elif version == 0:
        parts.append(((q[:, 0::2] & 15) | ((q[:, 1::2] & 15) << 4)).astype(np.uint8))
    else:
        parts.append(((q[:, :16] & 15) | ((q[:, 16:] & 15) << 4)).astype(np.uint8))
    return np.concatenate(parts, 1).tobytes(), exact.reshape(values.shape)


def encode(name, tensor, kind, version, transposed):
    """(type, data, shape as stored, the tensor to be found)"""
    values = st.f32(tensor)
    turn = transposed and name.endswith(TRANSPOSED)
    stored = np.ascontiguousarray(values.T) if turn else values
    if values.ndim == 1 or not name.endswith(".weight"):
        kind = "f32"
    elif kind in BITS and stored.shape[1] % 32 != 0:
        kind = "f32"
    if kind == "f16":
        half = stored.astype(np.float16)
        return kind, half.tobytes(), half.shape, ("F16", half.T if turn else half)
    if kind == "f32":
        return kind, stored.tobytes(), stored.shape, ("F32", values)
    data, exact = quantize(stored, kind, version)
    return kind, data, stored.shape, ("F32", exact.T if turn else exact)


def write(path, config, tensors, kind, version=0, transposed=False, ggjt=None, noted=True):
    """Returns the tensors to be found, and the names of those quantized. `ggjt`: its version; `noted`: the file's type names the layout."""
    out = bytearray(b"lmgg" if ggjt is None else b"tjgg" + struct.pack("<I", ggjt))
    sizes = [config[key] for key in ("vocab_size", "n_positions", "n_embd", "n_head", "n_layer", "rotary_dim")]
    file_type = FILE_TYPES[kind] + (1000 * version if noted else 0)
    out += struct.pack("<8i", *sizes, file_type, config["vocab_size"])
    for i in range(config["vocab_size"]):
        token = bytes([i % 256]) * (i % 5)
        out += struct.pack("<i", len(token)) + token
        if ggjt is not None:
            out += struct.pack("<f", -i)
    found, quantized = {}, set()
    for name, tensor in tensors.items():
        type_name, data, shape, found[st.canonical(name)] = encode(name, tensor, kind, version, transposed)
        if type_name in BITS:
            quantized.add(st.canonical(name))
        raw = name.encode()
        out += struct.pack("<3i", len(shape), len(raw), TYPES[type_name])
        out += struct.pack(f"<{len(shape)}i", *reversed(shape)) + raw
        if ggjt is not None:
            out += bytes(-len(out) % 32)
        out += data
    with open(path, "wb") as file:
        file.write(out)
    return found, quantized
