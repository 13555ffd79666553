#!/usr/bin/env python3
"""GPTQ of one square layer in torch, float32, with whatever BLAS torch has: the yardstick of gptq_bench.cpp.

Usage: torch_gptq.py THREADS SIZE    prints {"wall": ms, "cpu": ms, "relative_error": …}

Written from the paper (Frantar et al. 2022, arXiv:2210.17323, algorithm 1): the inverse Hessian through two Cholesky
factorisations, columns rounded one by one, errors spread within blocks of 128 columns and then over the rest.
"""
import json
import sys
import time

import torch

BITS, BLOCK, DAMPING = 4, 128, 0.01


def formula_layer(size):
    """The layer of gptq_bench.cpp: weight [size, size] and Hessian [size, size]."""
    count = torch.arange(1, size * size + 1, dtype=torch.float64)
    weight = (2 * torch.frac(count * 0.6180339887498949) - 1).reshape(size, size)
    index = torch.arange(size)
    scale = 0.5 + (index * 7919 % 101).double() / 50
    distance = (index[:, None] - index[None, :]).abs().double()
    return weight.float(), (scale[:, None] * scale[None, :] * 0.9 ** distance).float()


def inverse_factor(hessian):
    """Upper Cholesky factor of the inverse of the damped Hessian."""
    damped = hessian.clone()
    diagonal = torch.diagonal(damped)
    diagonal += DAMPING * diagonal.mean()
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(damped))
    return torch.linalg.cholesky(inverse, upper=True)


def row_grids(weight):
    """Scale and zero point of every row, its range widened to hold 0."""
    low, high = weight.amin(1).clamp(max=0), weight.amax(1).clamp(min=0)
    scale = (high - low) / (2 ** BITS - 1)
    return scale, torch.round(-low / scale)


def gptq(weight, hessian):
    """Dequantized weight."""
    weight = weight.clone()
    factor = inverse_factor(hessian)
    scale, zero = row_grids(weight)
    quantized = torch.empty_like(weight)
    for begin in range(0, weight.shape[1], BLOCK):
        end = min(begin + BLOCK, weight.shape[1])
        block, inner = weight[:, begin:end].clone(), factor[begin:end, begin:end]
        errors = torch.empty_like(block)
        for i in range(end - begin):
            column = block[:, i]
            code = torch.clamp(torch.round(column / scale) + zero, 0, 2 ** BITS - 1)
            value = scale * (code - zero)
            error = (column - value) / inner[i, i]
            block[:, i:] -= error.unsqueeze(1).matmul(inner[i, i:].unsqueeze(0))
            quantized[:, begin + i] = value
            errors[:, i] = error
        weight[:, end:] -= errors @ factor[begin:end, end:]
    return quantized


def energy(difference, hessian):
    return ((difference @ hessian) * difference).sum().item()


def main():
    threads, size = int(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(threads)
    weight, hessian = formula_layer(size)
    answer = {"wall": float("inf"), "cpu": float("inf")}
    for _ in range(2 if size > 2048 else 5):
        wall, cpu = time.perf_counter(), time.process_time()
        quantized = gptq(weight, hessian)
        answer = {"wall": min(answer["wall"], 1000 * (time.perf_counter() - wall)),
                  "cpu": min(answer["cpu"], 1000 * (time.process_time() - cpu))}
    if size <= 1024:
        answer["relative_error"] = (energy((weight - quantized).double(), hessian.double())
                                    / energy(weight.double(), hessian.double()))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
