# SPDX-License-Identifier: Apache-2.0
"""Files that the real numpy.savez writes: arrays of random types, shapes and strides, bfloat16 as JAX
saves it among them, read to the same bytes, and what the reader does not take refused with the reason.

    python3 numpy_test.py dump_tensors [seed]
"""
import os
import random
import sys
import tempfile
import zipfile

from tensors import dump, skip

try:
    import numpy as np
except ImportError:
    skip("no NumPy for this Python (Debian: python3-numpy)")

TYPES = {"<f4": "F32", "<f2": "F16", "|V2": "BF16", "<f8": "F64", "|b1": "BOOL", "|u1": "U8", "|i1": "I8",
         "<i2": "I16", "<u2": "U16", "<i4": "I32", "<u4": "U32", "<i8": "I64", "<u8": "U64"}
FILES = 400
COLUMN_MAJOR = "column-major"


def random_array(rng):
    shape = [rng.choice([0, 1, 1, 2, 3, 5, 17, 64]) if rng.random() < 0.3 else rng.randint(1, 9)
             for _ in range(rng.randint(0, 4))]
    if rng.random() < 0.1:
        shape = [rng.randint(30, 140), rng.randint(30, 140)]
    elif rng.random() < 0.02:
        shape = [1] * 32  # as many dimensions as there can be
    dtype = np.dtype(rng.choice(list(TYPES)))
    size = int(np.prod(shape)) * dtype.itemsize
    if dtype.kind == "b":
        return np.array([rng.random() < 0.5 for _ in range(size)], bool).reshape(shape)
    return np.frombuffer(rng.randbytes(size), dtype).reshape(shape)


def view_of(rng, array):
    """The same numbers, seen in another way."""
    kind = rng.randint(0, 6)
    if kind == 0 and array.ndim >= 2:
        return array.transpose(rng.sample(range(array.ndim), array.ndim))
    if kind == 1 and array.ndim >= 1:
        return array[::-1]
    if kind == 2 and array.ndim >= 1:
        return array[..., ::rng.randint(1, 3)]
    if kind == 3 and array.ndim >= 1 and array.shape[0] > 0:
        return array[rng.randint(0, array.shape[0] - 1):]
    if kind == 4 and array.ndim < 32:
        return np.broadcast_to(array, (3, *array.shape))
    if kind == 5 and array.ndim >= 1 and array.size > 0:
        return array[..., 0]
    return array


def is_column_major(array):
    return array.flags.f_contiguous and not array.flags.c_contiguous


def save_headers_of(version, path, arrays):
    """As savez, with a header of another version."""
    with zipfile.ZipFile(path, "w") as archive:
        for i, array in enumerate(arrays):
            with archive.open(f"arr_{i}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), version)


def refusal(program, path):
    try:
        dump(program, "npz", path)
    except RuntimeError as error:
        return str(error)
    return None


def compare(program, path, arrays):
    if any(is_column_major(array) for array in arrays):
        found = refusal(program, path)
        assert found and COLUMN_MAJOR in found, found
        return 0
    found = dump(program, "npz", path)
    assert list(found) == [f"arr_{i}" for i in range(len(arrays))], list(found)
    for i, array in enumerate(arrays):
        expected = (TYPES[array.dtype.str], list(array.shape), array.tobytes())
        assert found[f"arr_{i}"] == expected, (i, found[f"arr_{i}"][:2], expected[:2])
    return len(arrays)


def check_refusals(program, path):
    matrix = np.arange(12, dtype=np.float32).reshape(3, 4)
    element = lambda descr: f'elements "{descr}" are not supported'
    cases = [((np.asfortranarray(matrix),), {}, COLUMN_MAJOR),
             ((matrix.T,), {}, COLUMN_MAJOR),
             ((np.array([{"a": 1}, None], object),), {}, element("|O")),
             ((np.array(["text"]),), {}, element("<U4")),
             ((np.array([b"text"]),), {}, element("|S4")),
             ((matrix.astype("<c8"),), {}, element("<c8")),
             ((matrix.astype(np.longdouble),), {}, element(np.dtype(np.longdouble).str)),
             ((np.zeros(3, "V3"),), {}, element("|V3")),
             ((np.zeros(3, "<M8[s]"),), {}, element("<M8[s]")),
             ((np.zeros(3, [("a", "<f4"), ("b", "<i2")]),), {}, "expected \"'\" in the header"),
             ((matrix,), {"weight": matrix}, "expected arrays arr_0.npy to arr_1.npy, found \"weight.npy\"")]
    for descr in TYPES:
        if descr[0] == "<":
            big = ">" + descr[1:]
            cases.append(((np.zeros((2, 3), big),), {}, element(big)))
    for arrays, named, words in cases:
        np.savez(path, *arrays, **named)
        found = refusal(program, path)
        assert found and words in found, (words, found)
    np.savez_compressed(path, matrix)
    found = refusal(program, path)
    assert found and "is compressed (zip method 8" in found, found
    return len(cases) + 1


def main():
    program, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    rng = random.Random(seed)
    equal = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "0.npz")
        for i in range(FILES):
            arrays = [view_of(rng, view_of(rng, random_array(rng))) for _ in range(rng.randint(0, 6))]
            if i % 4 != 0:  # else one of them spoils the file
                arrays = [np.ascontiguousarray(array) if is_column_major(array) else array for array in arrays]
            version = rng.choice([None, None, (1, 0), (2, 0), (3, 0)])
            if version is None:
                np.savez(path, *arrays)
            else:
                save_headers_of(version, path, arrays)
            equal += compare(program, path, arrays)
        refused = check_refusals(program, path)
    print(f"seed {seed}: {FILES} files, {equal} arrays in them equal; {refused} of other kinds refused")


if __name__ == "__main__":
    main()
