# SPDX-License-Identifier: Apache-2.0
"""GPTQ checkpoints packed and dequantized by NumPy in another way: every weight equal, bit for bit.

    python3 gptq_test.py dump_tensors
"""
import json
import os
import struct
import sys
import tempfile

from tensors import dump, skip

try:
    import numpy as np
except ImportError:
    skip("no NumPy for this Python (Debian: python3-numpy)")

WIDTH, INNER, VOCABULARY = 64, 96, 11
MATRICES = {"attn.q_proj": (WIDTH, WIDTH), "attn.k_proj": (WIDTH, WIDTH), "attn.v_proj": (WIDTH, WIDTH),
            "attn.out_proj": (WIDTH, WIDTH), "mlp.fc_in": (INNER, WIDTH), "mlp.fc_out": (WIDTH, INNER)}
VECTORS = {"ln_1.weight": WIDTH, "ln_1.bias": WIDTH, "mlp.fc_in.bias": INNER, "mlp.fc_out.bias": WIDTH}
NAMES = {"float16": "F16", "int32": "I32", "float32": "F32"}


def pack(numbers, bits):
    """Numbers along the first axis into int32, through their bits written out one by one."""
    digits = (numbers[..., None] >> np.arange(bits)) & 1  # lowest first
    digits = np.moveaxis(digits, -1, 1).reshape(-1, 32, *numbers.shape[1:])
    powers = (1 << np.arange(32, dtype=np.uint64)).reshape(1, 32, *[1] * (numbers.ndim - 1))
    return (digits.astype(np.uint64) * powers).sum(axis=1).astype(np.uint32).view(np.int32)


def quantized(rng, shape, bits, group_size, act_order, offset):
    """The stored tensors, and the weight [out, in] they mean."""
    out, n_in = shape
    size = n_in if group_size == -1 else group_size
    groups = -(-n_in // size)
    q = rng.integers(0, 2 ** bits, (n_in, out))
    zeros = rng.integers(0, 2 ** bits, (groups, out))
    scales = rng.uniform(1e-4, 0.1, (groups, out)).astype(np.float16)
    g_idx = np.arange(n_in) // size
    if act_order:
        g_idx = rng.permutation(g_idx)
    weight = scales[g_idx].astype(np.float64) * (q - (zeros[g_idx] + offset))
    assert np.array_equal(weight, weight.astype(np.float32))  # exact
    stored = {"qweight": pack(q, bits), "qzeros": np.ascontiguousarray(pack(zeros.T.copy(), bits).T),
              "scales": scales, "g_idx": g_idx.astype(np.int32)}
    return stored, weight.astype(np.float32).T


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        content = tensor.tobytes()
        header[name] = {"dtype": NAMES[str(tensor.dtype)], "shape": tensor.shape,
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def check(program, folder, bits, group_size, act_order, offset):
    rng = np.random.default_rng(bits * 1000 + group_size + act_order)
    half = lambda *shape: rng.standard_normal(shape).astype(np.float16)
    tensors = {"transformer.wte.weight": half(VOCABULARY, WIDTH), "lm_head.bias": half(VOCABULARY),
               "lm_head.weight": half(VOCABULARY, WIDTH), "transformer.ln_f.weight": half(WIDTH),
               "transformer.ln_f.bias": half(WIDTH)}
    expected = {}
    for layer in range(2):
        for name, size in VECTORS.items():
            tensors[f"transformer.h.{layer}.{name}"] = half(size)
        for name, shape in MATRICES.items():
            stored, weight = quantized(rng, shape, bits, group_size, act_order, offset)
            expected[f"h.{layer}.{name}.weight"] = weight
            for part, tensor in stored.items():
                tensors[f"transformer.h.{layer}.{name}.{part}"] = tensor
    write_safetensors(os.path.join(folder, "model.safetensors"), tensors)
    quantization = {"quant_method": "gptq", "bits": bits, "group_size": group_size,
                    "desc_act": act_order, "checkpoint_format": "gptq" if offset else "gptq_v2"}
    config = {"model_type": "gptj", "vocab_size": VOCABULARY, "n_positions": 16, "n_embd": WIDTH,
              "n_layer": 2, "n_head": 4, "rotary_dim": 8, "n_inner": INNER, "eos_token_id": 0,
              "bos_token_id": 0, "quantization_config": quantization}
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    found = dump(program, "checkpoint", folder)
    for name, weight in expected.items():
        dtype, shape, content = found[name]
        assert (dtype, shape) == ("F32", list(weight.shape)), (name, dtype, shape)
        assert content == np.ascontiguousarray(weight).tobytes(), name
    return len(expected)


def main():
    matrices = 0
    for bits in (4, 8):
        for group_size in (-1, 16, 32, 128):
            for act_order in (False, True):
                for offset in (0, 1):
                    with tempfile.TemporaryDirectory() as folder:
                        matrices += check(sys.argv[1], folder, bits, group_size, act_order, offset)
    print(f"{matrices} matrices equal")


if __name__ == "__main__":
    main()
