# SPDX-License-Identifier: Apache-2.0
"""Files that the real PyTorch writes: tensors of random types, shapes, strides and shared storages,
parameters and buffers, in both formats and every pickle protocol, read to the same bytes.

    python3 pytorch_test.py dump_tensors [seed]
"""
import os
import random
import sys
import tempfile
from collections import OrderedDict

from tensors import dump, skip

try:
    import torch
except ImportError:
    skip("no PyTorch for this Python (Debian: python3-torch)")

TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
         torch.bool: "BOOL", torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16",
         torch.int32: "I32", torch.int64: "I64"}
ROUNDS = 60


def random_tensor(rng):
    shape = [rng.choice([0, 1, 1, 2, 3, 5, 17, 64]) if rng.random() < 0.2 else rng.randint(1, 9)
             for _ in range(rng.randint(0, 4))]
    if rng.random() < 0.2:
        shape = [rng.randint(30, 140), rng.randint(30, 140)]
    return torch.randint(-100, 100, shape).to(rng.choice(list(TYPES)))


def view_of(rng, tensor):
    """The same storage, seen in another way."""
    kind = rng.randint(0, 6)
    if kind == 0 and tensor.dim() >= 2:
        return tensor.permute(*rng.sample(range(tensor.dim()), tensor.dim()))
    if kind == 1 and tensor.dim() >= 1 and tensor.shape[0] > 1:
        return tensor[rng.randint(0, tensor.shape[0] - 1):]
    if kind == 2 and tensor.dim() >= 1:
        return tensor[..., ::rng.randint(1, 3)]
    if kind == 3 and tensor.dim() >= 2:
        return tensor.select(rng.randint(0, tensor.dim() - 1), 0) if 0 not in tensor.shape else tensor
    if kind == 4:
        return tensor.unsqueeze(0)
    if kind == 5 and tensor.numel() > 0:
        return tensor.unsqueeze(0).expand(3, *tensor.shape)
    return tensor


def random_state_dict(rng):
    tensors = [random_tensor(rng) for _ in range(rng.randint(1, 6))]
    state = OrderedDict() if rng.random() < 0.5 else {}
    for i in range(rng.randint(1, 10)):
        tensor = view_of(rng, view_of(rng, rng.choice(tensors)))
        if tensor.is_floating_point() and rng.random() < 0.3:
            tensor = torch.nn.Parameter(tensor, requires_grad=rng.random() < 0.5)
        state[f"layer.{i}.weight"] = tensor
    return state


def module_state_dict():
    module = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.LayerNorm(5)).half()
    module.register_buffer("mask", torch.tril(torch.ones(4, 4, dtype=torch.uint8)).view(1, 1, 4, 4))
    return module.state_dict()  # an OrderedDict with _metadata


def bytes_of(tensor):
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.numpy().tobytes()


def compare(program, path, state):
    size = os.path.getsize(path)
    if any(tensor.numel() * tensor.element_size() > size for tensor in state.values()):
        try:
            dump(program, "file", path)
        except RuntimeError as refusal:
            assert "repeats few numbers" in str(refusal), refusal
            return
        raise AssertionError("an expanded tensor larger than the file was read")
    found = dump(program, "file", path)
    assert list(found) == list(state), (list(found), list(state))
    for name, tensor in state.items():
        expected = (TYPES[tensor.dtype], list(tensor.shape), bytes_of(tensor))
        assert found[name] == expected, (name, found[name][:2], expected[:2])


def main():
    program, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    rng = random.Random(seed)
    torch.manual_seed(seed)
    tensors = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "pytorch_model.bin")
        for i in range(ROUNDS):
            state = random_state_dict(rng) if i > 0 else module_state_dict()
            tensors += len(state)
            for zipped in (True, False):
                for protocol in range(2, 6):
                    torch.save(state, path, _use_new_zipfile_serialization=zipped,
                               pickle_protocol=protocol)
                    compare(program, path, state)
    print(f"seed {seed}: {ROUNDS} files of {tensors} tensors, each in 2 formats and 4 protocols, equal")


if __name__ == "__main__":
    main()
