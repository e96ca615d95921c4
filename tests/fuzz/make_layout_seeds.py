# SPDX-License-Identifier: Apache-2.0
"""Files of the checkpoints that tests/layouts writes, in a small size, as seeds for fuzz_checkpoint and
for the parsers of their formats.

    python3 make_layout_seeds.py FOLDER
"""
import json
import os
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    print("no seeds of Flax, ggml and mesh checkpoints: no NumPy for this Python (Debian: python3-numpy)")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "layouts"))
import codegen  # noqa: E402
import flax  # noqa: E402
import ggml  # noqa: E402
import mesh  # noqa: E402
import tensors as st  # noqa: E402


def gptj(config, dtype="F16"):
    """Random tensors of that shape."""
    random = np.random.default_rng(0)
    wide, inner, vocabulary = config["n_embd"], config["n_inner"], config["vocab_size"]
    layer = {"ln_1.weight": [wide], "ln_1.bias": [wide], "attn.q_proj.weight": [wide, wide],
             "attn.k_proj.weight": [wide, wide], "attn.v_proj.weight": [wide, wide],
             "attn.out_proj.weight": [wide, wide], "mlp.fc_in.weight": [inner, wide], "mlp.fc_in.bias": [inner],
             "mlp.fc_out.weight": [wide, inner], "mlp.fc_out.bias": [wide]}
    shapes = {"transformer.wte.weight": [vocabulary, wide]}
    for i in range(config["n_layer"]):
        shapes.update({f"transformer.h.{i}.{name}": shape for name, shape in layer.items()})
    shapes.update({"transformer.ln_f.weight": [wide], "transformer.ln_f.bias": [wide],
                   "lm_head.weight": [vocabulary, wide], "lm_head.bias": [vocabulary]})
    return {name: (dtype, mesh.to_bits(random.standard_normal(shape).astype(np.float32), dtype))
            for name, shape in shapes.items()}


class Seeds:
    def __init__(self, folder, scratch):
        self.folder, self.path, self.count = folder, os.path.join(scratch, "file"), 0

    def add(self, target, content):
        os.makedirs(os.path.join(self.folder, target), exist_ok=True)
        with open(os.path.join(self.folder, target, f"layout_{self.count}"), "wb") as file:
            file.write(content)
        self.count += 1

    def add_file(self, path, layout, target=None):
        """A file for the layout, and for its format's own target."""
        with open(path, "rb") as file:
            content = file.read()
        self.add("checkpoint", bytes([layout]) + content)
        if target:
            self.add(target, content)


def add_safetensors(seeds, layout, config):
    tensors = gptj(config)
    if config["model_type"] == "codegen":
        tensors = codegen.tensors_of(config, tensors, config["mp_num"])
    st.write(seeds.path, tensors)
    seeds.add_file(seeds.path, layout)


def add_flax(seeds, layout, config):
    for dtype in flax.DTYPES:
        flax.write(seeds.path, gptj(config, dtype))
        seeds.add_file(seeds.path, layout, "msgpack")


def add_mesh(seeds, layout, config, shards):
    for dtype, optimizer in (("BF16", False), ("F16", False), ("F32", True)):
        step = f"{seeds.path}_{layout}_{dtype}"
        mesh.write(step, config, gptj(config, dtype), shards, 1, optimizer)
        seeds.add_file(os.path.join(step, "shard_0", "0.npz"), layout, "npz")


def add_ggml(seeds, layout):
    config = {"n_positions": 8, "n_layer": 1, "n_head": 2, "rotary_dim": 2}
    small = dict(config, vocab_size=6, n_embd=8, n_inner=32)
    blocks = dict(config, vocab_size=3, n_embd=32, n_inner=64)
    cases = [(small, kind, 0, turned, None) for kind in ("f32", "f16") for turned in (False, True)]
    cases += [(small, "f16", 2, False, 3)]
    for kind in ggml.BITS:
        cases += [(blocks, kind, version, False, None) for version in (0, 1, 2)]
        cases += [(blocks, kind, 0, True, None), (blocks, kind, 1, False, 2), (blocks, kind, 2, False, 3)]
    for sizes, kind, version, turned, ggjt in cases:
        ggml.write(seeds.path, sizes, gptj(sizes), kind, version, turned, ggjt)
        seeds.add_file(seeds.path, layout, "ggml")


def add_all(seeds):
    with open(os.path.join(HERE, "layouts.json"), encoding="ascii") as file:
        described = json.load(file)
    sizes = described["gptj"]
    for index, layout in enumerate(described["layouts"]):
        first = os.path.basename(layout["files"][0])
        config = dict(sizes, **layout.get("change", {}))
        if first == "model.safetensors" and "quantization_config" not in config:
            add_safetensors(seeds, index, config)
        elif first == "flax_model.msgpack":
            add_flax(seeds, index, config)
        elif first == "0.npz":
            add_mesh(seeds, index, config, len(layout["files"]))
        elif first == "ggml-model.bin":
            add_ggml(seeds, index)


def main():
    with tempfile.TemporaryDirectory() as scratch:
        add_all(Seeds(sys.argv[1], scratch))


if __name__ == "__main__":
    main()
