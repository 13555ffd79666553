#!/usr/bin/env python3
"""Opens a sparse safetensors file of many GB with qscope: seconds until the layers are listed, and peak memory.

usage: large_safetensors.py QSCOPE [GB]      (the file takes no room on disk, and is deleted afterwards)
"""
import json
import os
import resource
import struct
import subprocess
import sys
import tempfile
import time


def write_sparse(path, size):
    """BF16 matrices of 4096 × 4096 named as in a LLaMA until the size is reached."""
    header, end, layer = {}, 0, 0
    while end < size:
        for part in ("q_proj", "k_proj", "v_proj", "o_proj"):
            begin, end = end, end + 2 * 4096 * 4096
            header[f"model.layers.{layer}.self_attn.{part}.weight"] = {
                "dtype": "BF16", "shape": [4096, 4096], "data_offsets": [begin, end]}
        layer += 1
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return len(header)


if __name__ == "__main__":
    qscope, gigabytes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "model.safetensors")
        tensors = write_sparse(file, int(gigabytes * 1e9))
        start = time.perf_counter()
        subprocess.run([qscope, "info", file], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{os.path.getsize(file) / 1e9:.1f} GB in {tensors} tensors: {seconds:.2f} s, peak {peak:.0f} MiB")
