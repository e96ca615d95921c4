# SPDX-License-Identifier: Apache-2.0
"""What gptj serve reaches under load, beside gptj batch on the same requests: load.py PROGRAM [MODEL [OPTION...]].

Prints one line for each figure. The requests are 64, of mixed lengths, all at once and streamed; every text must be the
one that the batch has. Options are those of both commands: --weights int4 --threads 2 --kv-memory 2G."""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time

from server import FAIRYTALE, Server, raw_request

REQUESTS = 64
RUNS = int(os.environ.get("GPTJ_RUNS", "3"))


def requests():
    words = "the king and the queen went to the wood and saw a bear who sat on a stone "
    return [{"prompt": f"Tale {i}: " + words * (i % 5), "max_tokens": 24 + 8 * (i % 7), "temperature": 0.8, "seed": i,
             "ignore_eos": True} for i in range(REQUESTS)]


def by_batch(model, options, folder):
    path = os.path.join(folder, "in.jsonl")
    with open(path, "w") as file:
        file.writelines(json.dumps(r) + "\n" for r in requests())
    start = time.time()
    done = subprocess.run([sys.argv[1], "batch", path, "--model", model, "--quiet", *options], capture_output=True,
                          check=True)
    seconds = time.time() - start
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [a["choices"][0]["text"] for a in answers], seconds


def by_server(server):
    def ask(request):
        start = time.time()
        events = server.stream(**request, stream_options={"include_usage": True})
        return ("".join(c["text"] for e in events[:-1] for c in e["choices"]), events[-2]["usage"]["completion_tokens"],
                time.time() - start)

    start = time.time()
    with concurrent.futures.ThreadPoolExecutor(REQUESTS) as pool:
        answers = list(pool.map(ask, requests()))
    seconds = time.time() - start
    return [a[0] for a in answers], sum(a[1] for a in answers), seconds


def median(values):
    return sorted(values)[len(values) // 2]


def throughput(model, options):
    with tempfile.TemporaryDirectory() as folder, Server(*options, model=model, threads=None) as server:
        by_server(server)  # warm
        load_start = time.time()
        subprocess.run([sys.argv[1], "batch", os.devnull, "--model", model, "--quiet", *options], check=True,
                       capture_output=True)
        loading = time.time() - load_start
        ratios, speeds = [], []
        for _ in range(RUNS):
            expected, batch = by_batch(model, options, folder)
            texts, tokens, seconds = by_server(server)
            assert texts == expected, "an answer differs"
            speeds.append(tokens / seconds)
            ratios.append((batch - loading) / seconds)
        print(f"64 streams at once: {median(speeds):.0f} tokens/s, {median(ratios):.2f} of gptj batch; all texts equal")


def conversation(model, options):
    times = {}
    for keep in ("on", "off"):
        with Server(*options, "--keep-prefixes", keep, model=model, threads=None) as server:
            text = "Once upon a time there was a king who had three daughters. " * 12
            for _ in range(20):
                start = time.time()
                connection = server.connect()
                connection.sendall(raw_request({"prompt": text, "max_tokens": 6, "temperature": 0, "stream": True,
                                                "overflow": "truncate"}, version="1.0"))
                data = b""
                first = None
                while part := connection.recv(65536):
                    data += part
                    if first is None and b'data: {"id"' in data:
                        first = time.time() - start
                connection.close()
                text += " And then the bear came home."
            times[keep] = first
    print(f"first token of turn 20: {times['on'] * 1000:.1f} ms, without kept prefixes {times['off'] * 1000:.1f} ms, "
          f"{times['off'] / times['on']:.1f} times less")


def idle_connections(model, options):
    with Server(*options, model=model, threads=None) as server:
        before = server.metric("process_resident_memory_bytes")
        idle = [server.connect() for _ in range(900)]
        server.wait_until(lambda: server.metric("gptj_connections") >= 900)
        each = (server.metric("process_resident_memory_bytes") - before) / 900
        streams = [server.connect() for _ in range(60)]
        for connection in streams:
            connection.sendall(raw_request({"prompt": "Once upon a time", "max_tokens": 400, "stream": True,
                                            "ignore_eos": True}))
        times = []
        for _ in range(200):
            start = time.time()
            server.ask("GET", "/health")
            times.append(time.time() - start)
        times.sort()
        print(f"900 idle connections: {each / 1024:.1f} kB each; /health beside 60 streams: median "
              f"{times[100] * 1000:.1f} ms, p99 {times[197] * 1000:.1f} ms")
        for connection in idle + streams:
            connection.close()


if __name__ == "__main__":
    model = sys.argv[2] if len(sys.argv) > 2 else FAIRYTALE
    throughput(model, sys.argv[3:])
    conversation(model, sys.argv[3:])
    idle_connections(model, sys.argv[3:])
