# SPDX-License-Identifier: Apache-2.0
"""CodeGen checkpoints, written from what the published module does with its fused projection."""
import numpy as np

PARTS = ("q", "v", "k")  # in the order of the module's split


def fuse(parts, blocks):
    """The matrix whose outputs the module reshapes to `blocks` rows and splits into query, value and key."""
    width = len(parts["q"])
    outputs = np.arange(3 * width).reshape(blocks, -1)
    fused = np.empty((3 * width, width), parts["q"].dtype)
    for part, rows in zip(PARTS, np.split(outputs, 3, axis=-1)):
        fused[rows.reshape(-1)] = parts[part]
    return fused


def tensors_of(config, tensors, blocks):
    """GPT-J's tensors under CodeGen's names, with the masks that are saved as well."""
    out = {name: tensor for name, tensor in tensors.items()
           if not name.endswith(tuple(f".attn.{part}_proj.weight" for part in PARTS))}
    n = config["n_positions"]
    for layer in range(config["n_layer"]):
        attn = f"transformer.h.{layer}.attn."
        dtype = tensors[attn + "q_proj.weight"][0]
        parts = {part: tensors[f"{attn}{part}_proj.weight"][1] for part in PARTS}
        out[attn + "qkv_proj.weight"] = (dtype, fuse(parts, blocks))
        out[attn + "causal_mask"] = ("BOOL", np.tril(np.ones((1, 1, n, n), bool)))
    return out


def config_of(config, **fields):
    return dict(config, model_type="codegen", architectures=["CodeGenForCausalLM"], **fields)
