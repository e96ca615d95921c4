#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory and time of a 6B's files: files.py GPTJ FOLDER

Converts FOLDER's checkpoint to int4, int8 and f16 files there (or to GPTJ_TYPES), runs each, and prints a JSON line
with the peak memory (VmHWM, file pages included) of each step, its bound of packed size + 10 % + 256 MB, and the time
from the start of an int4 file in the page cache to the first token of a prompt of four. Where this process may make
cgroups, all runs again under a limit of that bound. Conversions begin with nothing of the checkpoint in the page
cache; beside each is the speed at which the disk reads the same bytes in order.
"""
import json
import os
import resource
import subprocess
import sys
import time

GPTJ, FOLDER = sys.argv[1], sys.argv[2]
CGROUPS = "/sys/fs/cgroup"


def run(arguments, limit=None):
    """Seconds and peak bytes of one process; limit: bytes of the cgroup that it runs in."""
    cgroup = make_cgroup(limit) if limit else None
    if limit and cgroup is None:
        return {"skipped": "no cgroup"}

    def enter():
        if cgroup:
            with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

    start = time.monotonic()
    process = subprocess.Popen([GPTJ, *arguments], stdout=subprocess.DEVNULL, preexec_fn=enter)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if cgroup:
        os.rmdir(cgroup)
    if status != 0:
        return {"seconds": round(seconds, 2), "failed": status}
    return {"seconds": round(seconds, 2), "peak_bytes": usage.ru_maxrss * 1024}


def make_cgroup(limit):
    path = os.path.join(CGROUPS, f"gptj-test-{os.getpid()}")
    v2 = os.path.exists(os.path.join(CGROUPS, "cgroup.controllers"))
    if not v2:
        path = os.path.join(CGROUPS, "memory", os.path.basename(path))
    try:
        os.mkdir(path)
        with open(os.path.join(path, "memory.max" if v2 else "memory.limit_in_bytes"), "w",
                  encoding="ascii") as file:
            file.write(str(limit))
    except OSError as error:
        print(f"no cgroup here: {error}", file=sys.stderr)
        if os.path.isdir(path):
            os.rmdir(path)
        return None
    return path


def source_files():
    return [os.path.join(FOLDER, name) for name in sorted(os.listdir(FOLDER))
            if name.startswith(("model", "pytorch_model")) and not name.endswith(".json")]


def forget(paths):
    """Puts the files' pages out of the page cache."""
    for path in paths:
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def disk_gb_per_s(path, most=4 << 30):
    """Of reading a file, or its first bytes, in order."""
    forget([path])
    buffer, done, start = bytearray(16 << 20), 0, time.monotonic()
    with open(path, "rb", buffering=0) as file:
        while done < most and (n := file.readinto(buffer)):
            done += n
    return done / 1e9 / (time.monotonic() - start)


def convert(target, weights, limit=None):
    paths = source_files()
    disk = disk_gb_per_s(paths[0])
    forget(paths)
    step = run(["convert", FOLDER, target, "--weights", weights, "--threads", "2"], limit)
    if "seconds" not in step:
        return step
    size = sum(os.path.getsize(path) for path in paths)
    return {**step, "source_gb_per_s": round(size / 1e9 / step["seconds"], 3), "disk_gb_per_s": round(disk, 3)}


def main():
    result = {"name": "files", "steps": []}
    complete = ["complete", "--ids", "464,3139,286,4881", "--max-tokens", "1", "--threads", "2", "--quiet"]
    for weights in os.environ.get("GPTJ_TYPES", "int4 int8 bf16 f16").split():
        target = os.path.join(FOLDER, weights + ".safetensors")
        converted = convert(target, weights)
        bound = int(os.path.getsize(target) * 1.1 + 256e6)
        steps = {"convert": converted,
                 "run the file": run([*complete, "--model", target]),
                 "load the checkpoint": run([*complete, "--model", FOLDER, "--weights", weights])}
        steps["convert, limited"] = convert(target, weights, bound)
        steps["run the file, limited"] = run([*complete, "--model", target], bound)
        steps["load the checkpoint, limited"] = run([*complete, "--model", FOLDER, "--weights", weights], bound)
        for name, step in steps.items():
            result["steps"].append({"weights": weights, "step": name, "bound": bound, **step})
            print(weights, name, step, f"bound {bound / 1e9:.2f} GB", file=sys.stderr)
    target = os.path.join(FOLDER, "int4.safetensors")
    starts = [run([*complete, "--model", target]) for _ in range(5)]
    if all("peak_bytes" in start for start in starts):
        result["start_seconds"] = sorted(start["seconds"] for start in starts)[2]
    print(json.dumps(result))


resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
main()
