#!/usr/bin/env python3
"""Makes the arrays and Keras files that tests/core/io/weight_files_test.cpp reads, with numpy and h5py.

usage: /usr/bin/python3 make_arrays.py      (needs python3-numpy and python3-h5py; writes beside itself)
"""
import os

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def path(name):
    return os.path.join(HERE, name)


def keras(group, name, values):
    layer = group.create_group(name.split("/")[0]) if name.split("/")[0] not in group else group[name.split("/")[0]]
    layer.create_dataset(name.split("/", 1)[1], data=values.astype(np.float32))


if __name__ == "__main__":
    grid = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez_compressed(path("arrays.npz"), **{
        "layers.10/q.weight": grid, "layers.9/q.weight": np.asfortranarray(grid), "big_endian": grid.astype(">f8"),
        "half": grid.astype(np.float16), "flags": np.array([True, False]), "text": np.array(["a", "bc"]),
        "cube": np.asfortranarray(np.arange(24, dtype=np.int16).reshape(2, 3, 4))})
    np.savez(path("stored.npz"), weight=np.zeros((64, 64), np.float32), scalar=np.float64(2.5))
    np.save(path("one.npy"), grid)
    with h5py.File(path("keras2.h5"), "w") as file:
        file.attrs["keras_version"] = "2.11.0"
        file.attrs["backend"] = "tensorflow"
        weights = file.create_group("model_weights")
        keras(weights, "dense/dense/kernel:0", grid)  # [in 2, out 3]
        keras(weights, "dense/dense/bias:0", np.arange(3))
        keras(weights, "conv/conv/kernel:0", np.arange(2 * 1 * 3 * 4).reshape(2, 1, 3, 4))  # h, w, in, out
        keras(weights, "dw/dw/depthwise_kernel:0", np.arange(2 * 1 * 3 * 2).reshape(2, 1, 3, 2))
        keras(weights, "embedding/embedding/embeddings:0", grid)
        file.create_dataset("optimizer_weights/step", data=np.arange(4.0))
    with h5py.File(path("keras3.h5"), "w") as file:
        file.create_dataset("layers/dense/vars/0", data=grid)
        file.create_dataset("layers/dense/vars/1", data=np.arange(3, dtype=np.float32))
        file.create_dataset("layers/embedding/vars/0", data=grid)
    with h5py.File(path("plain.h5"), "w") as file:
        file.create_dataset("block/fc", data=grid)
        file.create_dataset("names", data=["a", "b"])
