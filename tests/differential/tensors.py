# SPDX-License-Identifier: Apache-2.0
"""What the differential tests share: the tensors as this engine reads them."""
import json
import subprocess
import sys

SKIPPED = 77


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIPPED)


def dump(program, what, path):
    """{name: (dtype, shape, bytes)}; what the program says where it refuses."""
    done = subprocess.run([program, what, path], capture_output=True, timeout=600, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode())
    tensors, rest = {}, done.stdout
    while rest:
        line, rest = rest.split(b"\n", 1)
        tensor = json.loads(line)
        size = tensor["bytes"]
        tensors[tensor["name"]] = (tensor["dtype"], tensor["shape"], rest[:size])
        rest = rest[size:]
    return tensors
