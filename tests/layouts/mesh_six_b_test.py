#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A slim checkpoint of GPT-J-6B's own shape and cut, 8 shards of 16 files, without a config.json: its
headers are real, its 12 GB of numbers are holes in the files.

Usage: mesh_six_b_test.py GPTJ_PROGRAM
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

WIDTH, SHARE, INNER, VOCABULARY = 4096, 512, 2048, 6300  # of one shard of 8
LAYER = [(WIDTH, SHARE)] * 3 + [(SHARE, WIDTH), (INNER,), (WIDTH, INNER), (WIDTH,), (INNER, WIDTH), (WIDTH,), (WIDTH,)]
LEAVES = [(WIDTH,), (VOCABULARY, WIDTH)] + 28 * LAYER + [(VOCABULARY,), (WIDTH, VOCABULARY), (WIDTH,), (WIDTH,), ()]


def npy_header(shape):
    text = f"{{'descr': '{'<i4' if shape == () else '|V2'}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def write_npz(path, shapes):
    """As numpy.savez: sizes in a zip64 field of each member, not in the directory."""
    directory = b""
    with open(path, "wb") as file:
        for i, shape in enumerate(shapes):
            name, begin, header = f"arr_{i}.npy".encode(), file.tell(), npy_header(shape)
            size = len(header) + (4 if shape == () else 2)
            for extent in shape:
                size = len(header) + (size - len(header)) * extent
            file.write(struct.pack("<IHHHIIIIHH", 0x04034B50, 45, 0, 0, 0, 0, 2**32 - 1, 2**32 - 1, len(name), 20))
            file.write(name + struct.pack("<HHQQ", 1, 16, size, size) + header)
            file.seek(begin + 30 + len(name) + 20 + size)
            directory += struct.pack("<IHHHHIIIIHHHHHII", 0x02014B50, 45, 45, 0, 0, 0, 0, size, size, len(name),
                                     0, 0, 0, 0, 0, begin) + name
        end = file.tell()
        file.write(directory + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, len(shapes), len(shapes), len(directory),
                                           end, 0))


def write(step):
    for shard in range(8):
        folder = os.path.join(step, f"shard_{shard}")
        os.makedirs(folder)
        begin = 0
        for i in range(16):
            count = 18 if i < 15 else 17
            write_npz(os.path.join(folder, f"{i}.npz"), LEAVES[begin:begin + count])
            begin += count


def main():
    assert len(LEAVES) == 287
    with tempfile.TemporaryDirectory() as folder:
        write(os.path.join(folder, "step_383500"))
        info = json.loads(subprocess.run([sys.argv[1], "inspect", "--json", folder], check=True,
                                         stdout=subprocess.PIPE, text=True).stdout)
    config = info["config"]
    found = [info["parameters"], len(info["files"]), info["stored_type"], config["n_head"], config["rotary_dim"],
             config["n_positions"], config["vocab_size"], config["eos_token_ids"]]
    expected = [6050882784, 128, "bf16", 16, 64, 2048, 50400, [50256]]
    print(f"found {found}")
    sys.exit(0 if found == expected else f"expected {expected}")


if __name__ == "__main__":
    main()
