#!/usr/bin/env python3
"""Writes GGUF files with the standard library alone, and turns a LLaMA folder of Hugging Face into one.

usage: gguf_writer.py FOLDER OUT.gguf [f32|f16|bf16|q8_0]
"""
import json
import pathlib
import struct
import sys

TYPES = {"f32": 0, "f16": 1, "q4_0": 2, "q8_0": 8, "q4_k": 12, "iq2_xxs": 16, "bf16": 30}
ALIGNMENT = 32


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def value_bytes(value):
    """A metadata value with its type: str, bool, int (uint32), float (float32) or a list of str."""
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(text(item) for item in value)


def padded(data):
    return data + bytes(-len(data) % ALIGNMENT)


def gguf(metadata, tensors):
    """tensors: name -> (type name, shape with rows first, bytes)."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += text(key) + value_bytes(value)
    data = b""
    for name, (kind, shape, raw) in tensors.items():
        head += text(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<q", dim) for dim in reversed(shape))
        head += struct.pack("<IQ", TYPES[kind], len(data))
        data += padded(raw)
    return padded(head) + data


def q8_0(values):
    """Blocks of 32: a float16 scale and 32 signed bytes, halves away from zero; float32 arithmetic."""
    single = lambda number: struct.unpack("<f", struct.pack("<f", number))[0]
    blocks = []
    for start in range(0, len(values), 32):
        block = values[start:start + 32]
        scale = single(max(abs(value) for value in block) / 127)
        inverse = single(1 / scale) if scale else 0.0
        products = [single(value * inverse) for value in block]
        codes = [int(abs(product) + 0.5) * (1 if product >= 0 else -1) for product in products]
        blocks.append(struct.pack("<e32b", scale, *codes))
    return b"".join(blocks)


def encoded(values, kind):
    if kind == "q8_0":
        return q8_0(values)
    if kind == "bf16":  # the values are bfloat16 already
        return b"".join(struct.pack("<f", value)[2:] for value in values)
    return struct.pack(f"<{len(values)}{'e' if kind == 'f16' else 'f'}", *values)


def read_safetensors(file):
    raw = file.read_bytes()
    size, = struct.unpack_from("<Q", raw)
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        if entry["dtype"] == "BF16":
            words = struct.unpack(f"<{(end - begin) // 2}H", raw[begin:end])
            values = struct.unpack(f"<{len(words)}f", b"".join(struct.pack("<I", word << 16) for word in words))
        else:
            values = struct.unpack(f"<{(end - begin) // 4}f", raw[begin:end])
        yield name, entry["shape"], list(values)


def llama_name(name):
    for ours, theirs in (("model.", ""), ("layers.", "blk."), ("embed_tokens", "token_embd"), ("lm_head", "output"),
                         ("self_attn.o_proj", "attn_output"), ("self_attn.", "attn_"), ("_proj", ""),
                         ("post_attention_layernorm", "ffn_norm"), ("input_layernorm", "attn_norm"), ("mlp.", "ffn_")):
        name = name.replace(ours, theirs)
    return "output_norm.weight" if name == "norm.weight" else name


def interleave(values, rows, width):
    """Rows of queries or keys: of each head [2, width / 2] becomes [width / 2, 2]."""
    columns = len(values) // rows
    order = [head + half * (width // 2) + pair for head in range(0, rows, width) for pair in range(width // 2)
             for half in range(2)]
    return [value for row in order for value in values[row * columns:(row + 1) * columns]]


def convert(folder, kind):
    config = json.loads((folder / "config.json").read_text())
    heads, width = config["num_attention_heads"], config["head_dim"]
    metadata = {"general.architecture": "llama", "general.name": folder.name,
                "llama.context_length": config["max_position_embeddings"],
                "llama.embedding_length": config["hidden_size"], "llama.block_count": config["num_hidden_layers"],
                "llama.feed_forward_length": config["intermediate_size"], "llama.attention.head_count": heads,
                "llama.attention.head_count_kv": config["num_key_value_heads"],
                "llama.rope.dimension_count": width, "llama.rope.freq_base": config["rope_theta"],
                "llama.attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
                "llama.vocab_size": config["vocab_size"]}
    tensors = {}
    for name, shape, values in read_safetensors(folder / "model.safetensors"):
        if ".q_proj." in name or ".k_proj." in name:
            values = interleave(values, shape[0], width)
        stored = kind if len(shape) == 2 else "f32"
        tensors[llama_name(name)] = (stored, shape, encoded(values, stored))
    return gguf(metadata, tensors)


if __name__ == "__main__":
    pathlib.Path(sys.argv[2]).write_bytes(convert(pathlib.Path(sys.argv[1]), sys.argv[3] if len(sys.argv) > 3 else "f32"))
