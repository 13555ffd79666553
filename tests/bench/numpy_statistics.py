#!/usr/bin/env python3
"""What statistics_bench.cpp computes, in numpy (one thread): the yardstick of tensor statistics.

Usage: numpy_statistics.py ELEMENTS    prints {"wall": ms, "cpu": ms}
"""
import json
import sys
import time

import numpy


def describe(values):
    """Moments, extremes, zeros, non-finite values, and 256 bins between the extremes."""
    finite = numpy.isfinite(values).all()
    centred = values - values.mean(dtype=numpy.float64)
    square = centred * centred
    moments = square.sum(), (square * centred).sum(), (square * square).sum()
    low, high = values.min(), values.max()
    return finite, moments, numpy.count_nonzero(values), numpy.histogram(values, bins=256, range=(low, high))


def main():
    values = numpy.random.default_rng(1).uniform(-1, 1, int(sys.argv[1])).astype(numpy.float32) ** 3
    best = {"wall": float("inf"), "cpu": float("inf")}
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        describe(values)
        best = {"wall": min(best["wall"], 1000 * (time.perf_counter() - wall)),
                "cpu": min(best["cpu"], 1000 * (time.process_time() - cpu))}
    print(json.dumps(best))


if __name__ == "__main__":
    main()
