#!/usr/bin/env python3
"""Opens a sparse safetensors file of many GB with qscope: seconds and peak memory until the layers are listed, until the
first histogram of a layer is drawn, until one layer and until every layer was read once (statistics).

usage: large_safetensors.py QSCOPE [GB]      (the file takes no room on disk, and is deleted afterwards)
"""
import json
import os
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


def measure(what, command):
    """Anonymous memory is what the program needs; pages of the mapped file can be dropped at any time."""
    start, largest, before = time.perf_counter(), 0, os.times()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
                fields = dict(line.split(":", 1) for line in status)
            largest = max(largest, int(fields.get("RssAnon", "0 kB").split()[0]))
        except OSError:
            pass
        time.sleep(0.01)
    if process.returncode:
        sys.exit(f"{command[1]} failed with {process.returncode}")
    after = os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"{what}: {time.perf_counter() - start:.2f} s ({busy:.2f} s of CPU), at most {largest / 1024:.0f} MiB beside the mapped file")


if __name__ == "__main__":
    qscope, gigabytes = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "model.safetensors")
        tensors = write_sparse(file, int(gigabytes * 1e9))
        print(f"{os.path.getsize(file) / 1e9:.1f} GB in {tensors} tensors")
        picture = os.path.join(folder, "histogram.png")
        measure("layers listed", [qscope, "info", file])
        measure("first histogram", [qscope, "render", "distribution", file, "--layer", "model.layers.1.self_attn.q_proj",
                                    "-o", picture])
        measure("statistics of one layer", [qscope, "stats", file, "--layer", "model.layers.1.self_attn.q_proj"])
        measure("statistics of all layers", [qscope, "stats", file])
