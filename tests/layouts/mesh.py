# SPDX-License-Identifier: Apache-2.0
"""mesh-transformer-jax checkpoints, written from the format's description by numpy.savez."""
import os

import numpy as np

import tensors as st

LAYER = ("attn.q_proj.weight", "attn.v_proj.weight", "attn.k_proj.weight", "attn.out_proj.weight",
         "mlp.fc_in.bias", "mlp.fc_in.weight", "mlp.fc_out.bias", "mlp.fc_out.weight", "ln_1.bias", "ln_1.weight")
HEAD = ("lm_head.bias", "lm_head.weight", "ln_f.bias", "ln_f.weight")


def columns(array, n):
    """Of an array [out, in] as the checkpoint has it, [in, out]: each shard's outputs."""
    return np.split(np.ascontiguousarray(array.T), n, axis=1)


def rows(array, n):
    return np.split(np.ascontiguousarray(array.T), n, axis=0)


def to_bits(values, dtype):
    """f32 values that `dtype` can hold exactly."""
    if dtype == "BF16":
        return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return values.astype(st.NUMPY[dtype])


def summands(tensor, n, random):
    """The tensor, and on the other shards something to be added."""
    steps = [random.integers(-8, 8, tensor[1].shape).astype(np.float32) / 64 for _ in range(n - 1)]
    return [tensor[1]] + [to_bits(step, tensor[0]) for step in steps]


def total(leaf, dtype):
    """f32, from the first shard to the last."""
    values = np.zeros(leaf[0].shape, np.float32)
    for part in leaf:
        values = values + st.f32((dtype, part))
    return values


def drifting(array, n):
    """What counts is shard 0's."""
    return [array] + [np.zeros_like(array) for _ in range(n - 1)]


def parts(name, tensor, n, random):
    array = tensor[1]
    if name.endswith("fc_out.bias"):
        return summands(tensor, n, random)
    if "ln_" in name:
        return drifting(array, n)
    if array.ndim == 1:
        return np.split(array, n)
    return (rows if name.endswith(("out_proj.weight", "fc_out.weight")) else columns)(array, n)


def write(step, config, tensors, shards, files, optimizer=False, seed=0):
    """Returns the tensors to be found, the embedding's among them with the bias added."""
    tensors = {st.canonical(name): tensor for name, tensor in tensors.items()}
    random = np.random.default_rng(seed)
    dtype, embedding = tensors["wte.weight"]
    bias = to_bits(random.integers(-8, 8, config["n_embd"]).astype(np.float32) / 64, dtype)
    names = []
    for layer in sorted(range(config["n_layer"]), key=str):
        names += [f"h.{layer}.{part}" for part in LAYER]
    names += HEAD

    found = dict(tensors)
    leaves = [summands((dtype, bias), shards, random), np.split(embedding, shards)]
    found["wte.weight"] = ("F32", st.f32((dtype, embedding)) + total(leaves[0], dtype))
    for name in names:
        leaves.append(parts(name, tensors[name], shards, random))
        if name.endswith("fc_out.bias"):
            found[name] = ("F32", total(leaves[-1], tensors[name][0]))
    if optimizer:  # a count, two moments of every leaf, and another count
        count = [np.array(7, np.int32)] * shards
        moments = [[np.full_like(part, 3) for part in leaf] for leaf in leaves]
        leaves = [count] + moments + moments + [count] + leaves
    leaves += [[np.array(383500, np.int32)] * shards]
    for shard in range(shards):
        folder = os.path.join(step, f"shard_{shard}")
        os.makedirs(folder)
        arrays = [leaf[shard].view("V2") if dtype == "BF16" and leaf[shard].dtype == np.uint16 else leaf[shard]
                  for leaf in leaves]
        for i, some in enumerate(np.array_split(np.arange(len(arrays)), files)):
            np.savez(os.path.join(folder, f"{i}.npz"), *[arrays[j] for j in some])

    return found


def own_config(config, shards):
    """As mesh-transformer-jax itself has it."""
    return dict(layers=config["n_layer"], d_model=config["n_embd"], n_heads=config["n_head"],
                n_vocab=config["vocab_size"], norm="layernorm", pe="rotary",
                pe_rotary_dims=config["rotary_dim"], seq=config["n_positions"], cores_per_replica=shards)
