# SPDX-License-Identifier: Apache-2.0
"""Small models as people publish them, standard library only: published_models.py OUT [GPTJ]
Writes OUT/NAME for each recipe; with GPTJ (path of the program) runs each and prints what came beside what should have come;
exits 1 if one differs. The tiny model has 2 layers of 32, 4 heads, 300 rows, 64 positions; greedy from ids 5,6,7 in f32 it gives 78 68 160 82."""
import json, os, random, shutil, struct, subprocess, sys

BASE = dict(architectures=["GPTJForCausalLM"], model_type="gptj", vocab_size=300, n_positions=64, n_embd=32, n_layer=2, n_head=4, rotary_dim=4,
            n_inner=None, activation_function="gelu_new", layer_norm_epsilon=1e-5, bos_token_id=0, eos_token_id=0, tie_word_embeddings=False)
GOOD = "78 68 160 82"

def weights(vocab=300, n=32, layers=2, inner=128, seed=1, skip=()):
    rng, w = random.Random(seed), {}
    def put(name, shape, sigma, mean=0.0):
        count = 1
        for x in shape: count *= x
        values = [mean + rng.gauss(0, sigma) for _ in range(count)]
        if name not in skip: w[name] = ("F32", list(shape), struct.pack(f"<{count}f", *values))
    put("transformer.wte.weight", (vocab, n), .7)
    for i in range(layers):
        h = f"transformer.h.{i}."
        put(h + "ln_1.weight", (n,), .2, 1.0); put(h + "ln_1.bias", (n,), .1)
        for x in ("q", "k", "v", "out"): put(h + f"attn.{x}_proj.weight", (n, n), .2)
        put(h + "mlp.fc_in.weight", (inner, n), .2); put(h + "mlp.fc_in.bias", (inner,), .1)
        put(h + "mlp.fc_out.weight", (n, inner), .1); put(h + "mlp.fc_out.bias", (n,), .1)
    put("transformer.ln_f.weight", (n,), .2, 1.0); put("transformer.ln_f.bias", (n,), .1)
    put("lm_head.weight", (vocab, n), .4); put("lm_head.bias", (vocab,), .1)
    return w

def safetensors(path, w, metadata={"format": "pt"}):
    head, blobs, at = {}, [], 0
    if metadata != "absent": head["__metadata__"] = metadata
    for k, (dtype, shape, b) in w.items():
        head[k] = dict(dtype=dtype, shape=shape, data_offsets=[at, at + len(b)]); at += len(b); blobs.append(b)
    h = json.dumps(head).encode(); h += b" " * (-len(h) % 8)
    with open(path, "wb") as f: f.write(struct.pack("<Q", len(h)) + h + b"".join(blobs))

def folder(out, name, config, w, generation=None, weights_name="model.safetensors", metadata={"format": "pt"}, **files):
    d = os.path.join(out, name); shutil.rmtree(d, ignore_errors=True); os.makedirs(d)
    json.dump(config, open(d + "/config.json", "w")); safetensors(f"{d}/{weights_name}", w, metadata)
    if generation is not None: json.dump(generation, open(d + "/generation_config.json", "w"))
    for f, x in files.items(): json.dump(x, open(f"{d}/{f}.json", "w"))
    return d

def gptq(group=16, zero=7, n=32, inner=128, vocab=64):
    """A layer as GPTQ-for-LLaMa wrote Pygmalion-6b's: 4 bits, groups, biases of zeros on the attention's projections."""
    rng, w = random.Random(3), {}
    half = lambda values: b"".join(struct.pack("<e", v) for v in values)
    def dense(name, shape, sigma, mean=0.0):
        count = 1
        for x in shape: count *= x
        w[name] = ("F16", list(shape), half(mean + rng.gauss(0, sigma) for _ in range(count)))
    def quantized(p, o, i, bias):
        q = [[rng.randrange(16) for _ in range(o)] for _ in range(i)]; g = i // group
        w[p + ".qweight"] = ("I32", [i // 8, o], b"".join(struct.pack("<I", sum(q[r * 8 + j][c] << (4 * j) for j in range(8))) for r in range(i // 8) for c in range(o)))
        w[p + ".qzeros"] = ("I32", [g, o // 8], b"".join(struct.pack("<I", sum(zero << (4 * j) for j in range(8))) for _ in range(g * o // 8)))
        w[p + ".scales"] = ("F16", [g, o], half(abs(rng.gauss(.02, .005)) for _ in range(g * o)))
        w[p + ".bias"] = ("F16", [o], half(rng.gauss(0, .1) if bias else 0 for _ in range(o)))
    dense("transformer.wte.weight", [vocab, n], .7); p = "transformer.h.0."
    dense(p + "ln_1.weight", [n], .2, 1.0); dense(p + "ln_1.bias", [n], .1)
    for x in ("q", "k", "v", "out"): quantized(p + f"attn.{x}_proj", n, n, False)
    quantized(p + "mlp.fc_in", inner, n, True); quantized(p + "mlp.fc_out", n, inner, True)
    dense("transformer.ln_f.weight", [n], .2, 1.0); dense("transformer.ln_f.bias", [n], .1)
    dense("lm_head.weight", [vocab, n], .4); dense("lm_head.bias", [vocab], .1)
    return w

def main(out, program=None):
    w, checks = weights(), []
    def case(name, expected, config=None, w=w, n=4, drop=(), **more):
        c = dict(BASE); c.update(config or {})
        for k in drop: c.pop(k, None)
        checks.append((name, folder(out, name, c, w, **more), expected, n))
    renamed = lambda f, extra={}: {**{f(k): v for k, v in w.items()}, **extra}
    zero = lambda *shape: ("F32", list(shape), bytes(4 * shape[0] * (shape[1] if len(shape) > 1 else 1)))
    case("base", GOOD)
    case("generation-max-new-tokens", "78 68 160", generation={"do_sample": False, "max_new_tokens": 3}, n=None)
    case("generation-suppress", "224 254 224 46", generation={"do_sample": False, "suppress_tokens": [78]})
    case("generation-min-new-tokens", "224 254 224 78", generation={"do_sample": False, "min_new_tokens": 3, "eos_token_id": 78})
    case("config-penalty", "78 68 160 82 236 137", {"no_repeat_ngram_size": 1}, n=6)
    case("config-no-rotary-dim", "91 91 203 91", {"n_embd": 128, "n_head": 2, "n_layer": 1}, weights(n=128, layers=1, inner=512), drop=["rotary_dim"])
    case("config-other-names", GOOD, {"hidden_size": 32, "num_attention_heads": 4, "num_hidden_layers": 2, "max_position_embeddings": 64}, drop=["n_embd", "n_head", "n_layer", "n_positions"])
    case("config-tied", "7 7 169 169", {"tie_word_embeddings": True}, {k: v for k, v in w.items() if k != "lm_head.weight"})
    case("trl-value-head", GOOD, None, {**w, "v_head.summary.weight": zero(1, 32), "v_head.summary.bias": zero(1)})
    case("torch-compile", GOOD, None, renamed(lambda k: "_orig_mod." + k))
    small = {"vocab_size": 64, "n_layer": 1}
    case("gptq-config", "35 56 23 35", small, gptq(), weights_name="gptq_model-4bit-16g.safetensors", quantize_config={"bits": 4, "group_size": 16, "desc_act": False})
    case("gptq-no-config", "35 56 23 35", small, gptq(), weights_name="pygmalion-6b_dev-4bit-16g.safetensors")
    failed = 0
    for name, path, expected, n in checks if program else []:
        p = subprocess.run([program, "complete", "-t", "1", "--quiet", "--weights", "f32", "--ids", "5,6,7", "--model", path] + (["--max-tokens", str(n)] if n else []), capture_output=True, text=True, timeout=30)
        got = p.stdout.strip() or p.stderr.strip().replace(path, name)[:150]
        failed += got != expected
        print(f"{'ok  ' if got == expected else 'FAIL'} {name:26s} expected: {expected:20s} got: {got}")
    return failed > 0

if __name__ == "__main__": sys.exit(main(*sys.argv[1:3]))
