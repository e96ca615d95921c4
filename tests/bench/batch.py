#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Throughput of a file of requests on a 6B file: batch.py GPTJ MODEL [RUNS]

Requests of random token ids, greedy, all with --kv-memory 8G and --speculate off (random weights repeat
themselves, so guesses would flatter them):
- 64 of 64 tokens and 64 new ones together, and the first three of them one at a time;
- 64 that share 512 tokens, with 64 of their own and 16 new ones; and, since it takes minutes, the first 16 of them with
  --share-prefixes off.
Prints a JSON line: medians of RUNS (3), in tokens/s, prompt and new tokens together. Before and after each of the
first kind, `gptj bench` measures the arithmetic peak that its fraction is of.
"""
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time

GPTJ, MODEL = sys.argv[1], sys.argv[2]
RUNS = int(sys.argv[3]) if len(sys.argv) > 3 else 3
rng = random.Random(3)


def ids(count):
    return [rng.randrange(50256) for _ in range(count)]


def requests(count, shared, own, new):
    prefix = ids(shared)
    return [{"prompt": prefix + ids(own), "max_tokens": new, "temperature": 0, "ignore_eos": True}
            for _ in range(count)]


def run(lines, *options):
    """Seconds of a batch, without its start: that of a request of one token is subtracted."""
    def seconds(lines, *options):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
            file.flush()
            start = time.monotonic()
            subprocess.run([GPTJ, "batch", file.name, "--model", MODEL, "--threads", "2", "--kv-memory", "8G",
                            "--speculate", "off", "--quiet", *options], stdout=subprocess.DEVNULL, check=True)
            return time.monotonic() - start

    return seconds(lines, *options) - seconds([{"prompt": [0], "max_tokens": 1}])


def tokens(lines):
    return sum(len(line["prompt"]) + line["max_tokens"] for line in lines)


def bench():
    report = subprocess.run([GPTJ, "bench", "--model", MODEL, "--threads", "2", "--only", "decode", "--tokens", "4",
                             "--runs", "1", "--json"], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(report)


def median(values):
    return round(statistics.median(values), 2)


def main():
    together, alone, fractions = [], [], []
    lines = requests(64, 0, 64, 64)
    before = bench()
    # Logits are wanted of the new tokens alone: the head is 4096 x 50400, two operations each.
    head = 2 * 4096 * 50400
    # The last token of each is never computed.
    operations = (tokens(lines) - 64) * (before["operations_per_token"] - head) + head * 64 * 64
    for _ in range(RUNS):
        seconds = run(lines)
        after = bench()
        weights = after["weights"]
        peak = statistics.mean(report["machine"]["matrix_peak_tops"][weights] for report in (before, after))
        together.append(tokens(lines) / seconds)
        fractions.append(operations / seconds / (peak * 1e12))
        alone.append(statistics.median(tokens([line]) / run([line]) for line in lines[:3]))
        print(f"together {together[-1]:.1f} tokens/s, {fractions[-1]:.3f} of {peak:.3f} TOP/s; alone {alone[-1]:.1f}",
              file=sys.stderr)
        before = after
    result = {"isa": before["isa"], "weights": before["weights"], "together": median(together), "alone": median(alone),
              "of_peak": median(fractions)}
    lines = requests(64, 512, 64, 16)
    rates = {"sharing": [], "not_sharing": []}
    for number in range(RUNS):
        rates["sharing"].append(tokens(lines) / run(lines))
        if number == 0:
            rates["not_sharing"].append(tokens(lines[:16]) / run(lines[:16], "--share-prefixes", "off"))
        print({name: round(rate[-1], 1) for name, rate in rates.items()}, file=sys.stderr)
    result.update({name: median(rate) for name, rate in rates.items()})
    print(json.dumps(result))


main()
