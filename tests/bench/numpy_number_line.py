#!/usr/bin/env python3
"""The questions of number_line_bench.cpp in numpy (one thread).

Usage: numpy_number_line.py ELEMENTS    prints {"sort": {"wall": ms, "cpu": ms}, "clip": {…}}
"""
import json
import sys
import time

import numpy


def best_of(rounds, work):
    best = {"wall": float("inf"), "cpu": float("inf")}
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        best = {"wall": min(best["wall"], 1000 * (time.perf_counter() - wall)),
                "cpu": min(best["cpu"], 1000 * (time.process_time() - cpu))}
    return best


def clip_error(values, amax):
    """INT4 s2 over [-amax, amax]: squared error in float64 and the count of every code."""
    scale = numpy.float32(amax / 7)
    codes = numpy.clip(numpy.rint(values / scale), -7, 7)
    error = codes * scale - values
    return numpy.einsum("i,i", error, error, dtype=numpy.float64), numpy.bincount(codes.astype(numpy.int8) + 7)


def main():
    values = numpy.random.default_rng(1).uniform(-1, 1, int(sys.argv[1])).astype(numpy.float32) ** 3
    print(json.dumps({"sort": best_of(2, lambda: numpy.sort(values)),
                      "clip": best_of(3, lambda: clip_error(values, 0.5))}))


if __name__ == "__main__":
    main()
