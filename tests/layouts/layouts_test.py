#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of other formats, written here from the golden models, open as what they hold: the same
bytes for every tensor, and the logits of a model.safetensors with these tensors, bit for bit.

Usage: layouts_test.py DUMP_CHECKPOINT GOLDEN_FOLDER FORMAT
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("skipped: no numpy (apt-get install python3-numpy)")
    sys.exit(77)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import codegen  # noqa: E402
import flax  # noqa: E402
import ggml  # noqa: E402
import mesh  # noqa: E402
import tensors as st  # noqa: E402

DUMP, GOLDEN, FORMAT = sys.argv[1:]
MODELS = ("rotary-partial-f32", "rotary-full-odd-ffn-f16", "deep-bf16", "big-head-f16")


def golden(name):
    with open(os.path.join(GOLDEN, name, "config.json"), encoding="ascii") as file:
        config = json.load(file)
    return config, st.read(os.path.join(GOLDEN, name, "model.safetensors"))[0]


def write_config(folder, config):
    with open(os.path.join(folder, "config.json"), "w", encoding="ascii") as file:
        json.dump(config, file)


def dump(path, folder):
    out = os.path.join(folder, "dump.safetensors")
    subprocess.run([DUMP, path, out], check=True)
    return st.read(out)


def same(a, b):
    return a[0] == b[0] and a[1].shape == b[1].shape and a[1].tobytes() == b[1].tobytes()


def reference_logits(config, tensors):
    with tempfile.TemporaryDirectory() as folder:
        write_config(folder, config)
        st.write(os.path.join(folder, "model.safetensors"), tensors)
        return dump(folder, folder)[0]["logits"]


def check(what, path, folder, config, expected, stored_type=None, embedding=None):
    """That `path` holds just the tensors `expected`, by canonical name, and how a model would hold them."""
    found, metadata = dump(path, folder)
    logits = found.pop("logits")
    if set(found) != set(expected):
        sys.exit(f"{what}: tensors {sorted(set(found) ^ set(expected))}")
    for name, tensor in expected.items():
        if not same(found[name], tensor):
            sys.exit(f"{what}: {name} differs: {found[name][0]} {found[name][1].shape}")
    for key, wanted in (("stored_type", stored_type), ("embedding", embedding)):
        if wanted and metadata[key] != wanted:
            sys.exit(f"{what}: {key} is {metadata[key]}, expected {wanted}")
    opened = json.loads(metadata["config"])
    for key in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head", "rotary_dim", "layer_norm_epsilon"):
        if abs(opened[key] - config[key]) > 1e-9:
            sys.exit(f"{what}: {key} is {opened[key]}")
    if not same(logits, reference_logits(config, expected)):
        sys.exit(f"{what}: other logits")
    print(f"{what}: {len(expected)} tensors and the logits are the same")


def check_ggml():
    for name in MODELS:
        config, tensors = golden(name)
        cases = [(kind, 0, turned, None, True) for kind in ("f32", "f16") for turned in (False, True)]
        cases += [(kind, 2, False, 3, True) for kind in ("f32", "f16")]
        for kind in ggml.BITS:
            cases += [(kind, version, False, None, True) for version in (0, 1, 2)]
            cases += [(kind, 0, True, None, True)]
            cases += [(kind, version, False, version + 1, noted) for version in (1, 2) for noted in (True, False)]
        for kind, version, turned, ggjt, noted in cases:
            what = f"{name} {kind} version {version}{' transposed' if turned else ''}"
            what += f" GGJT {ggjt}{'' if noted else ' not noted'}" if ggjt else ""
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model.any")
                expected, quantized = ggml.write(path, config, tensors, kind, version, turned, ggjt, noted)
                size = {key: tensor[1].nbytes for key, tensor in expected.items()}
                most = sum(size[key] for key in quantized) > sum(size.values()) / 2
                check(what, path, folder, config, expected,
                      "int8" if most else "f32" if kind in ggml.BITS else kind,
                      "made" if "wte.weight" in quantized else "mapped")


def check_flax():
    for name in MODELS:
        config, tensors = golden(name)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "flax_model.msgpack")
            expected = flax.write(path, tensors)
            write_config(folder, config)
            for given in (path, folder):
                check(f"{name} in Flax", given, folder, config, expected)
        with tempfile.TemporaryDirectory() as folder:
            expected = flax.write_sharded(folder, tensors)
            write_config(folder, config)
            check(f"{name} in Flax, in shards", folder, folder, config, expected)


def check_mesh():
    # deep-bf16 with twelve layers: 10 and 11 sort before 2
    config, tensors = golden("deep-bf16")
    for i in range(6, 12):
        for key in [key for key in tensors if f".h.{i - 6}." in key]:
            tensors[key.replace(f".h.{i - 6}.", f".h.{i}.")] = (tensors[key][0], tensors[key][1][::-1].copy())
    models = {name: golden(name) for name in MODELS}
    models["twelve layers of deep-bf16"] = (dict(config, n_layer=12), tensors)
    for name, (config, tensors) in models.items():
        dtype, embedding = tensors["transformer.wte.weight"]
        config["vocab_size"] = embedding.shape[0] // 8 * 8  # cores share the vocabulary evenly
        for key in ("transformer.wte.weight", "lm_head.weight", "lm_head.bias"):
            tensors[key] = (tensors[key][0], tensors[key][1][:config["vocab_size"]])
        own = config["n_inner"] is None  # that config has no n_inner
        for shards, files, full, mesh_json in ((8, 16, False, False), (8, 16, True, own), (1, 16, False, own),
                                               (2, 3, True, False), (4, 1, False, own)):
            what = f"{name} from {shards} cores in {files} files{' with optimizer' if full else ''}"
            with tempfile.TemporaryDirectory() as folder:
                step = os.path.join(folder, "step_383500")
                expected = mesh.write(step, config, tensors, shards, files, full)
                above = shards == 8
                written = mesh.own_config(config, shards) if mesh_json else config
                write_config(folder if above else step, written)
                for given in (step, step + "/", folder):
                    check(what, given, folder, config, expected)
                os.remove(os.path.join(folder if above else step, "config.json"))
                refused = subprocess.run([DUMP, step, folder + "/none"], stderr=subprocess.PIPE, text=True)
                words = ("config.json is missing", "n_head", "rotary_dim", "n_positions")
                if refused.returncode != 1 or not all(word in refused.stderr for word in words):
                    sys.exit(f"{what}: without config.json: {refused.stderr}")


def of_wide_heads():
    """A model of 8 heads of 128, as CodeGen2 has them, from numbers of a golden one."""
    config, tensors = golden("big-head-f16")
    narrow = {"n_embd": config["n_embd"], "n_inner": 4 * config["n_embd"]}
    wide = {"n_embd": 8 * narrow["n_embd"], "n_inner": 24}
    config.update(wide, n_head=8, n_layer=1)
    random = np.random.default_rng(0)
    sizes = {narrow[key]: wide[key] for key in narrow}
    drawn = {}
    for name, (dtype, values) in tensors.items():
        if ".h.1." not in name:
            shape = [sizes.get(extent, extent) for extent in values.shape]
            drawn[name] = (dtype, random.choice(values.reshape(-1), shape))
    return config, drawn


def check_codegen():
    models = {"deep-bf16": golden("deep-bf16"), "8 heads of 128": of_wide_heads()}
    for name, rotary_dim in (("rotary-partial-f32", 4), ("rotary-full-odd-ffn-f16", 12), ("big-head-f16", 8)):
        config, tensors = golden(name)
        models[name + " in 8 heads"] = (dict(config, n_head=8, rotary_dim=rotary_dim), tensors)
    for name, (config, tensors) in models.items():
        head_dim = config["n_embd"] // config["n_head"]
        by_rule = 8 if head_dim == 128 else 4
        cases = [(4, {"mp_num": 4}), (8, {"mp_num": 8}), (by_rule, {"head_dim": head_dim})]
        expected = {st.canonical(key): tensor for key, tensor in tensors.items()}
        for blocks, fields in cases + ([(4, {})] if by_rule == 4 else []):
            what = f"{name}, {blocks} blocks, config.json with {fields or 'neither'}"
            with tempfile.TemporaryDirectory() as folder:
                write_config(folder, codegen.config_of(config, **fields))
                st.write(os.path.join(folder, "model.safetensors"), codegen.tensors_of(config, tensors, blocks))
                check(what, folder, folder, config, expected)


{"codegen": check_codegen, "flax": check_flax, "ggml": check_ggml, "mesh": check_mesh}[FORMAT]()
