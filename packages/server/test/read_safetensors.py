"""Reads a safetensors file from the format's description alone, with NumPy, and prints what is in it as JSON."""
import hashlib
import json
import sys

import numpy

with open(sys.argv[1], "rb") as file:
    length = int.from_bytes(file.read(8), "little")
    assert (8 + length) % 8 == 0, "data are aligned"
    header = json.loads(file.read(length))
    data = file.read()

metadata = header.pop("__metadata__")
assert all(isinstance(value, str) for value in metadata.values())
tensors, end = {}, 0
for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
    begin, stop = entry["data_offsets"]
    assert begin == end, "no hole, no overlap"
    dtype = {"F64": "<f8", "F32": "<f4"}[entry["dtype"]]
    assert entry["dtype"].lower() == metadata["precision"]
    tensors[name] = numpy.frombuffer(data[begin:stop], dtype).reshape(entry["shape"])
    end = stop
assert end == len(data)
x = numpy.concatenate([tensor.ravel() for tensor in tensors.values()])
print(json.dumps({
    "tensors": {name: list(tensor.shape) for name, tensor in tensors.items()},
    "sums": {name: float(tensor.sum(dtype=float)) for name, tensor in tensors.items()},
    "metadata": metadata,
    "xHash": hashlib.sha256(x.astype("<f8").tobytes()).hexdigest(),
}))
