#!/usr/bin/env python3
"""Times ggml's own block quantizers on the weights of block_bench.cpp, one thread.

Usage: ggml_blocks.py FOLDER ELEMENTS [FORMAT...]; FOLDER holds libggml-base.so of a llama.cpp.
Prints JSON: milliseconds by format, wall and cpu.
"""
import ctypes
import json
import pathlib
import sys
import time

import numpy

FORMATS = {"q4_0": (2, 32, 18), "q4_1": (3, 32, 20), "q5_0": (6, 32, 22), "q5_1": (7, 32, 24), "q8_0": (8, 32, 34),
           "q2_k": (10, 256, 84), "q3_k": (11, 256, 110), "q4_k": (12, 256, 144), "q5_k": (13, 256, 176),
           "q6_k": (14, 256, 210), "iq4_nl": (20, 32, 18), "iq4_xs": (23, 256, 136), "tq1_0": (34, 256, 54),
           "tq2_0": (35, 256, 66), "mxfp4": (39, 32, 17), "q1_0": (41, 128, 18), "q2_0": (42, 64, 18)}
COLS = 4096


def states(count):
    """The first `count` states of the generator after 1: a step is x -> a x + c modulo 2^32."""
    a, c = numpy.array([1664525], numpy.uint32), numpy.array([1013904223], numpy.uint32)
    while len(a) < count:  # steps n + k are steps k after steps n
        a, c = numpy.concatenate([a, a * a[-1]]), numpy.concatenate([c, a * c[-1] + c])
    return a[:count] + c[:count]


def weights(count):
    parts = ((states(4 * count) >> 8).astype(numpy.float32) / (1 << 23) - numpy.float32(1)).reshape(count, 4)
    total = numpy.zeros(count, numpy.float32)
    for part in range(4):
        total += parts[:, part]
    return numpy.float32(0.02) * total


def main():
    folder, elements = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    ggml = ctypes.CDLL(str(folder / "libggml-base.so"))
    ggml.ggml_quantize_chunk.restype = ctypes.c_size_t
    ggml.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64,
                                         ctypes.c_int64, ctypes.c_void_p]
    values, times = weights(elements), {}
    for name in sys.argv[3:] or FORMATS:
        number, length, size = FORMATS[name]
        blocks = numpy.zeros(elements // length * size, numpy.uint8)
        best = {"wall": float("inf"), "cpu": float("inf")}
        for _ in range(3):
            wall, cpu = time.perf_counter(), time.process_time()
            ggml.ggml_quantize_chunk(number, values.ctypes.data, blocks.ctypes.data, 0, elements // COLS, COLS, None)
            best["wall"] = min(best["wall"], 1000 * (time.perf_counter() - wall))
            best["cpu"] = min(best["cpu"], 1000 * (time.process_time() - cpu))
        times[name] = best
    json.dump(times, sys.stdout)


if __name__ == "__main__":
    main()
