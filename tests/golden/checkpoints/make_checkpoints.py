#!/usr/bin/env python3
"""Makes packed checkpoints of a one-block Qwen2 and what their weights are, as the oracle for core/io/quantized.

usage: /usr/bin/python3 make_checkpoints.py [CASE...]      (needs numpy; writes a folder for each case)

Packing is written from file_formats 14 and 15 with numpy, independently of the C++ readers: codes, scales and zero
points are random, packed here bit by bit, and dequantized in float32 as scale * (code - zero). Tolerance: exact. Parameters that
are not packed come from ../architectures/qwen2. Each folder: config.json, model.safetensors, expected.st with
"<module>.weight" (float32 [out, in]), "<module>.codes" (int32, as the format counts them) and "<module>.groups".
"""
import json
import os
import struct
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "architectures", "qwen2")
TYPES = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32, "I32": np.int32, "I64": np.int64, "I8": np.int8,
         "U8": np.uint8, "F8_E4M3": np.uint8}
Q, GATE, DOWN, O = (f"model.layers.0.{name}" for name in
                    ("self_attn.q_proj", "mlp.gate_proj", "mlp.down_proj", "self_attn.o_proj"))


def load(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    return {name: (entry["dtype"], np.frombuffer(data[slice(*entry["data_offsets"])], TYPES[entry["dtype"]])
                   .reshape(entry["shape"])) for name, entry in header.items()}


def save(path, tensors):
    header, data = {}, b""
    for name, (kind, values) in tensors.items():
        raw = np.ascontiguousarray(values, TYPES[kind]).tobytes()
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def words(codes, bits, order=None):
    """The last axis packed into 32-bit words, lowest bits first; `order` puts column order[i] into place i."""
    per = 32 // bits
    padded = np.concatenate([codes, np.zeros(codes.shape[:-1] + (-codes.shape[-1] % per,), codes.dtype)], -1)
    split = padded.reshape(codes.shape[:-1] + (-1, per)).astype(np.uint64)
    if order:
        split = split[..., order]
    packed = np.zeros(split.shape[:-1], np.uint64)
    for i in range(per):
        packed |= split[..., i] << np.uint64(bits * i)
    return packed.astype(np.uint32).view(np.int32)


def e4m3(byte):
    sign, exponent, mantissa = (-1.0 if byte & 128 else 1.0), byte >> 3 & 15, byte & 7
    return sign * (mantissa / 8 * 2.0 ** -6 if exponent == 0 else (1 + mantissa / 8) * 2.0 ** (exponent - 7))


class Case:
    def __init__(self, name, modules, quantization, seed):
        self.random = np.random.RandomState(seed)
        self.name, self.modules, self.quantization = name, modules, quantization
        self.stored = {key: value for key, value in load(os.path.join(SOURCE, "model.safetensors")).items()
                       if ".layers.1." not in key}
        self.expected = {}

    def sizes(self, module):
        return self.stored.pop(module + ".weight")[1].shape  # [out, in]

    def codes(self, shape, low, high):
        return self.random.randint(low, high, shape).astype(np.int32)

    def scales(self, shape, kind=np.float16):
        return (self.random.uniform(0.01, 0.06, shape)).astype(kind)

    def put(self, module, **tensors):
        for part, value in tensors.items():
            self.stored[f"{module}.{part}"] = value

    def expect(self, module, codes, scales, zeros, groups):
        """scales and zeros [out, groups of a row]; groups: that of each column"""
        steps = codes.astype(np.float32) - zeros[:, groups].astype(np.float32)
        self.expected[module + ".weight"] = ("F32", scales.astype(np.float32)[:, groups] * steps)
        self.expected[module + ".codes"] = ("I32", codes)
        self.expected[module + ".groups"] = ("I32", np.asarray(groups, np.int32))

    def write(self):
        folder = os.path.join(HERE, self.name)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(SOURCE, "config.json")) as file:
            config = json.load(file)
        config["num_hidden_layers"] = 1
        config["quantization_config"] = self.quantization
        with open(os.path.join(folder, "config.json"), "w") as file:
            file.write(json.dumps(config, indent=1) + "\n")
        save(os.path.join(folder, "model.safetensors"), self.stored)
        save(os.path.join(folder, "expected.st"), self.expected)


def gptq(case, bits, size, version, reorder=False):
    for module in case.modules:
        rows, cols = case.sizes(module)
        group = cols if size < 0 else size
        count = -(-cols // group)
        groups = np.arange(cols) // group
        if reorder:
            groups = case.random.permutation(groups)
        codes = case.codes((rows, cols), 0, 2 ** bits)
        scales = case.scales((rows, count))
        zeros = case.codes((rows, count), 1, 2 ** bits)
        stored = zeros - (1 if version == 1 else 0)
        case.put(module, qweight=("I32", words(codes, bits).T), qzeros=("I32", words(stored.T, bits)),
                 scales=("F16", scales.T), g_idx=("I32", groups.astype(np.int32)))
        case.expect(module, codes, scales, zeros, groups)


def awq(case, size):
    order = [0, 2, 4, 6, 1, 3, 5, 7]
    for module in case.modules:
        rows, cols = case.sizes(module)
        codes = case.codes((rows, cols), 0, 16)
        scales, zeros = case.scales((rows, cols // size)), case.codes((rows, cols // size), 0, 16)
        case.put(module, qweight=("I32", words(codes.T, 4, order)), qzeros=("I32", words(zeros.T, 4, order)),
                 scales=("F16", scales.T))
        case.expect(module, codes, scales, zeros, np.arange(cols) // size)


def packed(case, bits, size, symmetric, reorder=False):
    half = 2 ** (bits - 1)
    for module in case.modules:
        rows, cols = case.sizes(module)
        groups = np.arange(cols) // size
        if reorder:
            groups = case.random.permutation(groups)
        codes, scales = case.codes((rows, cols), -half, half), case.scales((rows, cols // size))
        zeros = np.zeros((rows, cols // size), np.int32) if symmetric else case.codes((rows, cols // size), -half, half)
        case.put(module, weight_packed=("I32", words(codes + half, bits)), weight_scale=("F16", scales),
                 weight_shape=("I64", np.array([rows, cols])))
        if not symmetric:
            case.put(module, weight_zero_point=("I32", words((zeros + half).T, bits).T))
        if reorder:
            case.put(module, weight_g_idx=("I32", groups.astype(np.int32)))
        case.expect(module, codes, scales, zeros, groups)


def int8(case):
    for module in case.modules:
        rows, cols = case.sizes(module)
        codes, scales = case.codes((rows, cols), -128, 128), case.scales((rows, 1), np.float32) / 16
        case.put(module, weight=("I8", codes), weight_scale=("F32", scales),
                 input_scale=("F32", np.array([0.03125], np.float32)))
        case.expect(module, codes, scales, np.zeros((rows, 1), np.int32), np.zeros(cols, np.int64))


def fp8(case, block):
    for module in case.modules:
        rows, cols = case.sizes(module)
        codes = case.codes((rows, cols), 0, 256)
        codes[codes & 127 == 127] = 0  # NaN
        values = np.vectorize(e4m3)(codes).astype(np.float32)
        shape = (1,) if block is None else (rows // block, cols // block)
        scales = case.scales(shape, np.float32) / 64
        case.put(module, weight=("F8_E4M3", codes), weight_scale=("F32", scales))
        full = scales if block is None else np.kron(scales, np.ones((block, block), np.float32))
        case.expected[module + ".weight"] = ("F32", full * values)
        case.expected[module + ".codes"] = ("I32", codes)


def nvfp4(case):
    levels = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
    levels = np.concatenate([levels, -levels])
    for module in case.modules:
        rows, cols = case.sizes(module)
        codes = case.codes((rows, cols), 0, 16)
        scales = case.codes((rows, cols // 16), 1, 120)
        globe = np.array([900.0], np.float32)
        case.put(module, weight_packed=("U8", codes[:, ::2] | codes[:, 1::2] << 4), weight_scale=("F8_E4M3", scales),
                 weight_global_scale=("F32", globe))
        steps = np.vectorize(e4m3)(scales).astype(np.float32) / globe
        case.expected[module + ".weight"] = ("F32", np.repeat(steps, 16, 1) * levels[codes])
        case.expected[module + ".codes"] = ("I32", codes)


def fine_grained(case):
    fp8(case, 8)
    for name in [name for name in case.stored if name.endswith(".weight_scale")]:
        case.stored[name + "_inv"] = case.stored.pop(name)


def nf4(case, block, nested):
    levels = np.array([-1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
                       -0.18477343022823334, -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725,
                       0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                       0.7229568362236023, 1], np.float32)
    for module in case.modules:
        rows, cols = case.sizes(module)
        codes = case.codes((rows, cols), 0, 16)
        flat = codes.reshape(-1)
        count = -(-flat.size // block)
        state = {"quant_type": "nf4", "blocksize": block, "dtype": "bfloat16", "shape": [rows, cols]}
        if nested:
            table = np.sort(case.random.uniform(-1, 1, 256)).astype(np.float32)
            inner, outer = case.codes((count,), 0, 256), case.scales((-(-count // 4),), np.float32)
            state.update(nested_blocksize=4, nested_dtype="float32", nested_offset=0.0625)
            absmax = table[inner] * np.repeat(outer, 4)[:count] + np.float32(0.0625)
            case.put(module + ".weight", absmax=("U8", inner), nested_absmax=("F32", outer),
                     nested_quant_map=("F32", table))
        else:
            absmax = case.scales((count,), np.float32)
            case.put(module + ".weight", absmax=("F32", absmax))
        text = np.frombuffer(json.dumps(state).encode(), np.uint8)
        case.stored[module + ".weight"] = ("U8", (flat[::2] << 4 | flat[1::2]).reshape(-1, 1))
        case.stored[module + ".weight.quant_map"] = ("F32", levels)
        case.stored[module + ".weight.quant_state.bitsandbytes__nf4"] = ("U8", text)
        case.expected[module + ".weight"] = ("F32", (np.repeat(absmax, block)[:flat.size] * levels[flat]).reshape(rows, cols))
        case.expected[module + ".codes"] = ("I32", codes)


def llm_int8(case):
    for module in case.modules:
        rows, cols = case.sizes(module)
        codes, largest = case.codes((rows, cols), -127, 128), case.scales((rows,), np.float32) * 40
        case.put(module, weight=("I8", codes), SCB=("F32", largest))
        case.expect(module, codes, (largest / np.float32(127))[:, None], np.zeros((rows, 1), np.int32),
                    np.zeros(cols, np.int64))


def compressed(form, bits, kind="int", symmetric=True, inputs=None, **weights):
    group = {"targets": ["Linear"], "input_activations": inputs, "output_activations": None,
             "weights": {"num_bits": bits, "type": kind, "symmetric": symmetric, **weights}}
    return {"quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed",
            "config_groups": {"group_0": group}, "ignore": ["lm_head"]}


CASES = {
    "gptq-4": ([Q, DOWN], {"quant_method": "gptq", "bits": 4, "group_size": 8, "desc_act": False, "sym": False},
               lambda case: gptq(case, 4, 8, 1)),
    "gptq-4-actorder": ([Q, DOWN], {"quant_method": "gptq", "bits": 4, "group_size": 8, "desc_act": True,
                                          "sym": False, "checkpoint_format": "gptq_v2"},
                        lambda case: gptq(case, 4, 8, 2, reorder=True)),
    "gptq-8-column": ([Q, GATE], {"quant_method": "gptq", "bits": 8, "group_size": -1, "desc_act": False, "sym": False},
                      lambda case: gptq(case, 8, -1, 1)),
    "gptq-2": ([Q, O], {"quant_method": "gptq", "bits": 2, "group_size": 16, "desc_act": False, "sym": False},
               lambda case: gptq(case, 2, 16, 1)),
    "awq": ([Q, DOWN], {"quant_method": "awq", "bits": 4, "group_size": 8, "zero_point": True, "version": "gemm"},
            lambda case: awq(case, 8)),
    "packed-4": ([Q, DOWN], compressed("pack-quantized", 4, strategy="group", group_size=8),
                 lambda case: packed(case, 4, 8, True)),
    "packed-3-asymmetric": ([Q, DOWN], compressed("pack-quantized", 3, symmetric=False, strategy="group", group_size=8,
                                                  actorder="group"), lambda case: packed(case, 3, 8, False, True)),
    "int8": ([Q, GATE], compressed("int-quantized", 8, strategy="channel",
                                   inputs={"num_bits": 8, "type": "int", "dynamic": False, "symmetric": True}), int8),
    "fp8": ([Q, GATE], compressed("float-quantized", 8, "float", strategy="tensor"), lambda case: fp8(case, None)),
    "fp8-block": ([Q, GATE], compressed("float-quantized", 8, "float", strategy="block", block_structure=[8, 8]),
                  lambda case: fp8(case, 8)),
    "fp8-fine-grained": ([Q], {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [8, 8]},
                         fine_grained),
    "bnb-nf4": ([Q, GATE], {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
                lambda case: nf4(case, 64, False)),
    "bnb-nf4-nested": ([Q], {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4",
                             "bnb_4bit_use_double_quant": True}, lambda case: nf4(case, 8, True)),
    "bnb-int8": ([Q], {"quant_method": "bitsandbytes", "load_in_8bit": True}, llm_int8),
    "nvfp4": ([Q, GATE], compressed("nvfp4-pack-quantized", 4, "float", strategy="tensor_group", group_size=16), nvfp4),
}

if __name__ == "__main__":
    for seed, (name, (modules, quantization, fill)) in enumerate(CASES.items()):
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            case = Case(name, modules, quantization, seed + 1)
            fill(case)
            case.write()
