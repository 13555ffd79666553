#!/usr/bin/env python3
"""Copies the first columns of reference numbers of ggml's block formats.

usage: make_blocks.py REFERENCE.h5 OUT.h5 [COLUMNS]

REFERENCE holds `input` [rows, columns] and for each format `bytes`, what ggml_quantize_chunk (commit d99724f, no
importance matrix) made of it, and `dequantized`, what ggml decodes that to. Blocks depend on nothing outside of
themselves, so the first columns of all are enough. Of the decoded values only their SHA-256 is kept.
"""

import hashlib
import sys

import h5py
import numpy

SOURCE = "ggml commit d99724f, ggml_quantize_chunk without importance matrix and dequantize_row; bytes exact, values bit for bit"


def main():
    columns = int(sys.argv[3]) if len(sys.argv) > 3 else 256
    with h5py.File(sys.argv[1]) as src, h5py.File(sys.argv[2], "w", libver="latest") as dst:
        rows, width = src["input"].shape
        dst.attrs["source"] = SOURCE
        dst.create_dataset("input", data=src["input"][:, :columns], compression="gzip", shuffle=True)
        for name in src:
            if name == "input":
                continue
            stored = src[name]["bytes"][:].reshape(rows, -1)
            group = dst.create_group(name.lower())
            group.create_dataset("bytes", data=stored[:, : stored.shape[1] * columns // width])
            values = numpy.ascontiguousarray(src[name]["dequantized"][:, :columns])
            group.attrs["values_sha256"] = hashlib.sha256(values.tobytes()).hexdigest()


if __name__ == "__main__":
    main()
