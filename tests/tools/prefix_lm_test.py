# SPDX-License-Identifier: Apache-2.0
"""GPT-J in twenty lines of NumPy, causal and with a bidirectional prompt, against the program.

    python3 prefix_lm_test.py build/gptj
"""
import json
import os
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print("skipped: python3-numpy is not installed")
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "layouts"))
import tensors  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
FOLDER = os.path.join(os.path.dirname(__file__), "..", "golden", "rotary-partial-f32")
NEW = 4  # tokens that the program is to find


CONFIG = json.load(open(os.path.join(FOLDER, "config.json")))
W = {tensors.canonical(name): tensors.f32(tensor).astype(np.float64)
     for name, tensor in tensors.read(os.path.join(FOLDER, "model.safetensors"))[0].items()}


def layer_norm(x, name):
    centred = x - x.mean(-1, keepdims=True)
    normed = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + CONFIG["layer_norm_epsilon"])
    return normed * W[name + ".weight"] + W[name + ".bias"]


def rotate(x):  # [tokens, heads, head_dim]
    dim = CONFIG["rotary_dim"]
    angle = np.outer(np.arange(len(x)), 10000.0 ** (-np.arange(0, dim, 2) / dim))[:, None]
    out = x.copy()
    even, odd = x[..., 0:dim:2], x[..., 1:dim:2]
    out[..., 0:dim:2] = even * np.cos(angle) - odd * np.sin(angle)
    out[..., 1:dim:2] = odd * np.cos(angle) + even * np.sin(angle)
    return out


def logprobs(ids, prefix):
    """The log-softmax after each token, of which the first `prefix` all see each other."""
    n, heads = len(ids), CONFIG["n_head"]
    seen = np.tril(np.ones((n, n), bool))
    seen[:prefix, :prefix] = True
    x = W["wte.weight"][ids]
    for i in range(CONFIG["n_layer"]):
        p = f"h.{i}."
        h = layer_norm(x, p + "ln_1")
        q, k, v = ((h @ W[f"{p}attn.{m}_proj.weight"].T).reshape(n, heads, -1) for m in "qkv")
        scores = np.einsum("ihd,jhd->hij", rotate(q), rotate(k)) / np.sqrt(q.shape[-1])
        scores = np.where(seen, scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        attended = np.einsum("hij,jhd->ihd", weights, v).reshape(n, -1) @ W[p + "attn.out_proj.weight"].T
        inner = h @ W[p + "mlp.fc_in.weight"].T + W[p + "mlp.fc_in.bias"]
        inner = 0.5 * inner * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
        x = x + attended + inner @ W[p + "mlp.fc_out.weight"].T + W[p + "mlp.fc_out.bias"]
    logits = layer_norm(x, "ln_f") @ W["lm_head.weight"].T + W["lm_head.bias"]
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def compare(prompt, *options, bidirectional):
    command = [PROGRAM, "complete", "--model", FOLDER, "--ids", str(prompt), "--json", "--logprobs", "0",
               "--temperature", "0", "--ignore-eos", "--max-tokens", str(NEW), *options]
    choice = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["choices"][0]
    made = choice["token_ids"]
    expected = logprobs(prompt + made, len(prompt) if bidirectional else 0)
    for i, (token, found) in enumerate(zip(made, choice["logprobs"]["token_logprobs"])):
        difference = abs(expected[len(prompt) + i - 1, token] - found)
        assert difference < 1e-4, (options, len(prompt), i, difference)
    return made


for length in (1, 2, 17, 64, 65, 110):
    prompt = [1 + i * i * 31 % 130 for i in range(length)]
    causal = compare(prompt, bidirectional=False)
    for more in ([], ["--threads", "1"], ["--isa", "portable"]):
        both = compare(prompt, "--prefix-lm", *more, bidirectional=True)
print("as computed by NumPy, causal and bidirectional")
