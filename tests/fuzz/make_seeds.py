#!/usr/bin/env python3
"""Writes what the fuzz targets start from: small valid files, and dictionaries of the words that the readers look for.

usage: make_seeds.py FOLDER        (gets FOLDER/<target>/* and FOLDER/<target>.dict)
"""
import json
import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))
import gguf_writer  # noqa: E402
import onnx_writer as onnx  # noqa: E402

GOLDEN = ROOT / "tests/golden"
NBITS = "com.microsoft"

# Whose text constants are worth trying, by target.
READERS = {
    "safetensors": ["core/io/importers/safetensors_header.cpp"],
    "gguf_model": ["core/io/importers/gguf_network.cpp"],
    "npy": ["core/io/importers/npy_array.cpp"],
    "model_config": ["core/io/architectures/*.cpp", "core/hardware/network_config.cpp"],
    "onnx": ["core/io/quantized/*_graph.cpp", "core/io/quantized/matmul_nbits.cpp",
             "core/io/quantized/integer_operators.cpp", "core/graph/layer.cpp"],
    "recipe": ["core/quant/recipe_json.cpp", "core/quant/recipe.cpp", "core/quant/granularity.cpp",
               "core/quant/range_rule.cpp", "core/quant/correction.cpp", "core/numeric/*.cpp"],
    "documents": ["core/hardware/hardware_profile.cpp", "core/session/sweep/sweep_json.cpp"],
    "project": ["core/session/project_json.cpp", "core/session/measurement_json.cpp",
                "core/session/sensitivity_json.cpp", "core/quant/recipe_json.cpp", "core/numeric/*.cpp"],
    "checkpoint": ["core/io/quantized/checkpoint_scheme.cpp", "core/io/quantized/checkpoint.cpp"],
    "paths": ["core/io/importers/safetensors_files.cpp"],
}
PATH_WORDS = ["../", "/", "./", "..", "sub/", "up/", "s", "a", "\\x00", "//", "\\\\", "C:", "~"]


def dictionary(patterns):
    words = set()
    for pattern in patterns:
        for source in sorted(ROOT.glob(pattern)):
            words.update(re.findall(r'"([\w.:+-]{2,40})"', source.read_text()))
    return sorted(words)


def floats(count):
    return struct.pack(f"<{count}f", *[(i % 7 - 3) / 2 for i in range(count)])


def safetensors(tensors):
    header, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps({"__metadata__": {"format": "pt"}} | header).encode()
    return struct.pack("<Q", len(text)) + text + data


def safetensors_seeds():
    yield safetensors({"layers.0.q.weight": ("F32", [2, 3], floats(6)), "e.weight": ("BF16", [2, 2], bytes(8)),
                       "flags": ("BOOL", [3], b"\1\0\1"), "packed": ("F4", [4], b"ab")})
    yield safetensors({"a": ("F8_E4M3", [4], b"abcd"), "b": ("I64", [], bytes(8)), "c": ("F6_E2M3", [4], b"abc"),
                       "d": ("U8", [0, 3], b"")})


def llama_metadata(architecture):
    sizes = {"context_length": 32, "embedding_length": 32, "feed_forward_length": 32, "block_count": 1,
             "attention.head_count": 1, "attention.head_count_kv": 1, "rope.dimension_count": 32,
             "attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 1e4, "rope.scaling.type": "linear",
             "rope.scaling.factor": 2.0}
    return {"general.architecture": architecture} | {f"{architecture}.{key}": value for key, value in sizes.items()}


def llama_tensors(kind, block):
    tensors = {f"blk.0.{name}.weight": ("f32", [32], floats(32)) for name in ("attn_norm", "ffn_norm")}
    tensors["output_norm.weight"] = ("f32", [32], floats(32))
    tensors["token_embd.weight"] = ("f16", [4, 32], bytes(256))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        tensors[f"blk.0.{name}.weight"] = (kind, [32, 32], b"\3" * 32 * block)
    return tensors


def gguf_seeds():
    yield gguf_writer.gguf(llama_metadata("llama"), llama_tensors("q4_0", 18))
    yield gguf_writer.gguf(llama_metadata("qwen2") | {"tokens": ["a", "b"]}, llama_tensors("q8_0", 34))
    yield gguf_writer.gguf({"general.alignment": 32, "flag": True}, {"w": ("q4_k", [2, 256], bytes(288))})


def quantized_onnx():
    """Every way in which ONNX files hold quantized weights that the program reads as layers."""
    x, y = [onnx.value("x", ["n", 4])], [onnx.value("y", ["n", 4])]
    codes = onnx.raw_tensor("q", [4, 4], onnx.INT8, bytes(range(16)))
    scale, zero = onnx.tensor("s", [4], [1, 2, 3, 4]), onnx.raw_tensor("z", [4], onnx.INT8, bytes(4))
    one, byte = onnx.tensor("s1", [], [0.5]), onnx.raw_tensor("z1", [], onnx.UINT8, b"\x80")
    axis = [onnx.attribute("axis", 1)]
    yield onnx.model([onnx.node("QuantizeLinear", ["x", "s1", "z1"], ["xq"], "a"),
                      onnx.node("DequantizeLinear", ["xq", "s1", "z1"], ["xd"], "b"),
                      onnx.node("DequantizeLinear", ["q", "s", "z"], ["w"], "c", attributes=axis),
                      onnx.node("MatMul", ["xd", "w"], ["y"], "fc")], x, y, [codes, scale, zero, one, byte])
    sizes = [onnx.attribute(*pair) for pair in (("K", 4), ("N", 4), ("bits", 4), ("block_size", 16))]
    yield onnx.model([onnx.node("MatMulNBits", ["x", "q", "s", "z"], ["y"], "fc", NBITS, sizes)], x, y,
                     [onnx.raw_tensor("q", [4, 1, 8], onnx.UINT8, bytes(range(32))), scale,
                      onnx.raw_tensor("z", [4], onnx.UINT8, b"\x08" * 4)], domains=[NBITS])
    yield onnx.model([onnx.node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"], "a"),
                      onnx.node("MatMulInteger", ["xq", "q", "xz", "z"], ["i"], "b"),
                      onnx.node("Cast", ["i"], ["f"], "c", attributes=[onnx.attribute("to", 1)]),
                      onnx.node("Mul", ["xs", "s"], ["m"], "d"), onnx.node("Mul", ["f", "m"], ["y"], "e")], x, y,
                     [codes, scale, zero])
    yield onnx.model([onnx.node("QLinearMatMul", ["x", "s1", "z1", "q", "s", "z", "s1", "z1"], ["y"], "fc")],
                     [onnx.value("x", ["n", 4], onnx.UINT8)], [onnx.value("y", ["n", 4], onnx.UINT8)],
                     [codes, scale, zero, one, byte])
    kernel = onnx.raw_tensor("q", [2, 1, 2, 2], onnx.INT8, bytes(range(8)))
    yield onnx.model([onnx.node("QLinearConv", ["x", "s1", "z1", "q", "s1", "k", "s1", "z1", "b"], ["y"], "conv",
                                attributes=[onnx.attribute("kernel_shape", [2, 2])])],
                     [onnx.value("x", [1, 1, 4, 4], onnx.UINT8)], [onnx.value("y", [1, 2, 3, 3], onnx.UINT8)],
                     [kernel, one, byte, onnx.raw_tensor("k", [], onnx.INT8, b"\0"),
                      onnx.raw_tensor("b", [2], onnx.INT32, bytes(8))])


def onnx_seeds():
    yield onnx.linear([1, 2, 3, 4], 2, 2)
    yield onnx.with_missing_operator()
    yield from quantized_onnx()
    x, y = [onnx.value("x", ["n", 2])], [onnx.value("y", ["n", 2])]
    branch = onnx.graph([onnx.node("Add", ["x", "x"], ["t"], "in")], [], [onnx.value("t", ["n", 2])])
    yield onnx.model([onnx.node("If", ["c"], ["y"], "if", attributes=[
        onnx.attribute("then_branch", branch), onnx.attribute("else_branch", branch)])],
        x + [onnx.value("c", [], onnx.BOOL)], y)
    inner = onnx.node("Mul", ["a", "a"], ["b"], "square", attributes=[onnx.attribute("alpha", 0.5)])
    yield onnx.model([onnx.node("F", ["x"], ["h"], "one", "own"), onnx.node("F", ["h"], ["y"], "two", "own")], x, y,
                     domains=["own"], functions=[onnx.function("own", "F", ["a"], ["b"], [inner])])
    yield onnx.model([onnx.node("MatMul", ["x", "w"], ["y"], "fc")], x, y, [onnx.external_tensor("v", [2], "a.bin")],
                     sparse=[onnx.sparse_tensor("w", [2, 2], [1, 2], [0, 3])])
    yield onnx.model([onnx.node("Conv", ["x", "w", "b"], ["h"], "conv",
                                attributes=[onnx.attribute("group", 1), onnx.attribute("pads", [1, 1, 1, 1])]),
                      onnx.node("Gemm", ["h", "g"], ["i"], "gemm", attributes=[onnx.attribute("transB", 1)]),
                      onnx.node("Gather", ["g", "i"], ["y"], "table")],
                     [onnx.value("x", ["n", 1, 4, 4])], y,
                     [onnx.tensor("w", [2, 1, 3, 3], [1] * 18), onnx.tensor("b", [2], [1, 2]),
                      onnx.tensor("g", [2, 2], [1, 2, 3, 4])])


def error_json():
    return dict.fromkeys(("sumSquaredError", "sumSquares", "sumSquaresOther", "sumProducts", "maxAbsError"), 0.5) | {
        "count": 4}


def output_json():
    counts = dict.fromkeys(("predictions", "agreements", "labelled", "correct", "targets"), 3)
    return counts | {"error": error_json(), "hasLogits": True, "sumKl": 0.1, "sumNegativeLogLikelihood": "inf"}


def recipe_json(granularity="channel"):
    weight = {"method": "rtn", "bits": 4, "convention": "asymmetric", "rounding": "half_even",
              "range": {"rule": "mse", "norm": 2.0, "gridSteps": 10, "maxShrink": 0.5}, "granularity": granularity,
              "groupSize": 2, "scaleAsFloat16": False, "parameters": {"a": 1}}
    activation = {"bits": 8, "convention": "asymmetric", "scale": "static", "alpha": 0.5}
    return {"quantoscope-recipe": 1, "name": "w4", "seed": 1,
            "transforms": [{"layers": ".*", "method": "smoothquant", "parameters": {}}],
            "rules": [{"layers": "(a|b)+", "weight": weight, "activation": activation}]}


def run_json(granularity):
    layer = {"layer": "a", "state": "quantized", "seconds": 0.5, "weightError": error_json(),
             "outputError": error_json(), "network": output_json(), "outputOffset": [0, 1, 2, 3],
             "activation": {"scale": 0.1, "zeroPoint": 3},
             "weight": {"rows": 4, "cols": 6, "bits": 4, "convention": "asymmetric", "granularity": granularity,
                        "groupSize": 2, "scaleAsFloat16": False}}
    data = {"file": "m", "sha256": "0", "samples": 1}
    provenance = {"program": "p", "modelFile": "m", "modelSha256": "0", "calibration": data, "evaluation": data,
                  "seed": 1, "methods": {"rtn": "1"}}
    return {"number": 1, "parent": 0, "compared": True, "name": "w4", "recipe": recipe_json(granularity),
            "provenance": provenance, "baseline": output_json(), "total": output_json(), "layers": [layer]}


def project_seeds():
    for granularity in ("channel", "group", "tensor"):
        yield b"r" + json.dumps(run_json(granularity)).encode() + bytes(1) + bytes(range(128))
    cell = {"layerOutput": error_json(), "network": output_json()}
    yield b"s" + json.dumps({"bits": [4, 8], "samples": 2, "baseline": output_json(), "methods": {"rtn": "1"},
                             "complete": True, "rows": [{"layer": "a", "cells": [cell, None]}]}).encode()
    counts = dict.fromkeys(("count", "nanCount", "infCount", "zeroCount", "firstNonFinite", "min", "max", "mean", "m2",
                            "m3", "m4"), 1)
    yield b"c" + json.dumps({"layer": "a", "tokens": 4, "channels": 6, "stats": counts, "histogramLo": -1.0,
                             "histogramHi": 1.0}).encode()


def document_seeds():
    yield from (file.read_bytes() for file in sorted((ROOT / "resources/hardware").glob("*.json"))[:2])
    yield (b'{"quantoscope-sweep":1,"models":[{"name":"m","file":"f","sha256":"0"}],"results":[]}')


def checkpoint_seeds():
    for file in sorted((GOLDEN / "checkpoints").glob("*/config.json")):
        scheme = {"quantization_config": json.loads(file.read_text())["quantization_config"]}
        yield json.dumps(scheme).encode() + bytes(1) + bytes(range(200))


def path_seeds():
    yield from (text.encode() for text in ("a", "sub/a\n8\n8", "../secret", "up/secret", "s", "/dev/zero"))
    yield json.dumps({"metadata": {}, "weight_map": {"w": "a"}}).encode()


def exec_seeds():
    """One operator each, undamaged, then branches and loops; the bytes are read from the end (exec_forge.cpp)."""
    for operator in range(256):
        yield bytes(64) + bytes([operator, 0, 0, operator % 2])
    for kind in range(3):
        yield bytes(64) + bytes([kind, 5, 0, 1])


def golden(*patterns):
    return [file.read_bytes() for pattern in patterns for file in sorted(GOLDEN.glob(pattern))]


def seeds():
    return {"safetensors": safetensors_seeds(), "gguf": gguf_seeds(), "gguf_model": gguf_seeds(),
            "npy": golden("io/one.npy"), "npz": golden("io/arrays.npz"), "onnx": onnx_seeds(),
            "exec": exec_seeds(),
            "model_config": golden("architectures/*/config.json"),
            "recipe": [json.dumps(recipe_json(kind)).encode() for kind in ("channel", "group", "tensor")],
            "project": project_seeds(), "documents": document_seeds(), "checkpoint": checkpoint_seeds(),
            "paths": path_seeds(), "hdf5": [bytes([reader]) + bytes(range(255, 0, -1)) for reader in range(4)]}


def main(folder):
    for target, contents in seeds().items():
        (folder / target).mkdir(parents=True, exist_ok=True)
        for number, content in enumerate(contents):
            (folder / target / f"seed{number:03}").write_bytes(content)
        words = dictionary(READERS.get(target, [])) + (PATH_WORDS if target == "paths" else [])
        lines = "".join(f'"{word}"\n' for word in words)
        (folder / f"{target}.dict").write_text(lines or "# none: words do not help with bytes\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
