#!/usr/bin/env python3
"""Makes tiny networks of every family with random weights and what they compute, as the oracle for core/io/architectures.

usage: /usr/bin/python3 make_architectures.py [CASE...]      (needs python3-torch; writes a folder for each case)

The forwards below are written from file_formats section 4 with torch operators, independently of the C++ builders.
Weights are rounded to bfloat16 before they are used. Each folder: config.json, model.safetensors (BF16), expected.st
(safetensors: the inputs and the output).
"""
import json
import math
import os
import struct
import sys

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
H, I, L, A, V, T, B = 16, 24, 2, 4, 20, 9, 2  # hidden, inner, layers, heads, vocabulary, tokens, batch


def save(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        if tensor.dtype == torch.bfloat16:
            raw, kind = tensor.contiguous().view(torch.int16).numpy().tobytes(), "BF16"
        else:
            raw, kind = tensor.contiguous().numpy().tobytes(), {torch.int64: "I64", torch.float32: "F32"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


class Weights:
    """Random parameters by name, rounded to bfloat16, made when they are first asked for."""

    def __init__(self, seed, prefix):
        self.generator = torch.Generator().manual_seed(seed)
        self.prefix, self.stored = prefix, {}

    def __call__(self, name, *shape, prefix=True, scale=None):
        name = (self.prefix if prefix else "") + name
        if name not in self.stored:
            gain = name.endswith("norm.weight") or "ln_" in name or "LayerNorm" in name or "layernorm" in name or "layer_norm" in name
            scale = scale or (0.2 if len(shape) < 2 else 1.2 / math.sqrt(shape[-1]))
            value = torch.randn(*shape, generator=self.generator) * scale
            if gain and name.endswith("weight"):
                value = 1 + value
            self.stored[name] = value.to(torch.bfloat16)
        return self.stored[name].float()


def linear(w, name, x, out, bias=True, prefix=True):
    y = x @ w(name + ".weight", out, x.shape[-1], prefix=prefix).T
    return y + w(name + ".bias", out, prefix=prefix) if bias else y


def norm(w, name, x, eps):
    width = x.shape[-1]
    return F.layer_norm(x, (width,), w(name + ".weight", width), w(name + ".bias", width), eps)


def rms(w, name, x, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w(name + ".weight", x.shape[-1])


def heads(x, count):
    return x.view(x.shape[0], x.shape[1], count, -1).transpose(1, 2)


def attend(q, k, v, mask=None):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf"))
    out = torch.softmax(scores, -1) @ v
    return out.transpose(1, 2).reshape(out.shape[0], out.shape[2], -1)


def causal(window=None):
    i, j = torch.arange(T)[:, None], torch.arange(T)[None, :]
    return (j <= i) & (j > i - window) if window else j <= i


def token_ids(seed):
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(seed))


def inverse_frequencies(config, width):
    base = config.get("rope_theta", 10000.0)
    inv = 1.0 / base ** (torch.arange(0, width, 2).float() / width)
    scaling, magnitude = config.get("rope_scaling"), 1.0
    if not scaling:
        return inv, magnitude
    kind, factor = scaling.get("rope_type", scaling.get("type")), scaling["factor"]
    if kind == "linear":
        return inv / factor, magnitude
    if kind == "llama3":
        original, result = scaling["original_max_position_embeddings"], []
        for f in inv.tolist():
            wavelength = 2 * math.pi / f
            if wavelength > original / scaling["low_freq_factor"]:
                f /= factor
            elif wavelength >= original / scaling["high_freq_factor"]:
                t = (original / wavelength - scaling["low_freq_factor"]) / (scaling["high_freq_factor"] - scaling["low_freq_factor"])
                f = (1 - t) * f / factor + t * f
            result.append(f)
        return torch.tensor(result), magnitude
    original = scaling["original_max_position_embeddings"]
    place = lambda turns: width * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(base))
    low, high = max(math.floor(place(32)), 0), min(math.ceil(place(1)), width - 1)
    ramp = ((torch.arange(width // 2).float() - low) / (high - low)).clamp(0, 1)
    return inv / factor * ramp + inv * (1 - ramp), 0.1 * math.log(factor) + 1


def llama(w, config):
    kv, d, eps = config["num_key_value_heads"], config.get("head_dim", H // A), config["rms_norm_eps"]
    kind, ids = config["model_type"], token_ids(1)
    inv, magnitude = inverse_frequencies(config, d)
    angle = torch.outer(torch.arange(T).float(), inv)
    angle = torch.cat((angle, angle), -1)
    cos, sin = angle.cos() * magnitude, angle.sin() * magnitude
    turn = lambda x: x * cos + torch.cat((-x[..., d // 2:], x[..., :d // 2]), -1) * sin
    biased = config.get("attention_bias", False)
    x = w("embed_tokens.weight", V, H, scale=1)[ids]
    for layer in range(L):
        p = f"layers.{layer}."
        y = rms(w, p + "input_layernorm", x, eps)
        part = lambda n, count: heads(linear(w, f"{p}self_attn.{n}_proj", y, count * d, biased or kind == "qwen2"), count)
        q, k, v = part("q", A), part("k", kv), part("v", kv)
        if kind == "qwen3":
            q, k = rms(w, p + "self_attn.q_norm", q, eps), rms(w, p + "self_attn.k_norm", k, eps)
        q, k = turn(q), turn(k)
        k, v = (t.repeat_interleave(A // kv, 1) for t in (k, v))
        window = config.get("sliding_window") if kind == "mistral" else None
        y = attend(q, k, v, causal(window))
        x = x + linear(w, p + "self_attn.o_proj", y, H, biased)
        y = rms(w, p + "post_attention_layernorm", x, eps)
        mlp = lambda n, t, out: linear(w, f"{p}mlp.{n}_proj", t, out, config.get("mlp_bias", False))
        x = x + mlp("down", F.silu(mlp("gate", y, I)) * mlp("up", y, I), H)
    x = rms(w, "norm", x, eps)
    if config["tie_word_embeddings"]:
        return {"input_ids": ids}, x @ w("embed_tokens.weight", V, H).T
    return {"input_ids": ids}, linear(w, "lm_head", x, V, False, prefix=False)


def gpt2(w, config):
    ids, eps = token_ids(2), config["layer_norm_epsilon"]
    conv1d = lambda n, x, out: x @ w(n + ".weight", x.shape[-1], out, scale=1.2 / math.sqrt(x.shape[-1])) + w(n + ".bias", out)
    x = w("wte.weight", V, H, scale=1)[ids] + w("wpe.weight", config["n_positions"], H)[torch.arange(T)]
    for layer in range(L):
        p = f"h.{layer}."
        q, k, v = (heads(t, A) for t in conv1d(p + "attn.c_attn", norm(w, p + "ln_1", x, eps), 3 * H).split(H, -1))
        x = x + conv1d(p + "attn.c_proj", attend(q, k, v, causal()), H)
        y = conv1d(p + "mlp.c_fc", norm(w, p + "ln_2", x, eps), 4 * H)
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y ** 3)))
        x = x + conv1d(p + "mlp.c_proj", y, H)
    return {"input_ids": ids}, norm(w, "ln_f", x, eps) @ w("wte.weight", V, H).T


def opt(w, config):
    ids, before = token_ids(3), config["do_layer_norm_before"]
    width = config["word_embed_proj_dim"]
    x = w("embed_tokens.weight", V, width, scale=1)[ids]
    if width != H:
        x = linear(w, "project_in", x, H, False)
    x = x + w("embed_positions.weight", config["max_position_embeddings"] + 2, H)[torch.arange(T) + 2]
    for layer in range(L):
        p = f"layers.{layer}."
        y = norm(w, p + "self_attn_layer_norm", x, 1e-5) if before else x
        q, k, v = (heads(linear(w, f"{p}self_attn.{n}_proj", y, H), A) for n in "qkv")
        x = x + linear(w, p + "self_attn.out_proj", attend(q, k, v, causal()), H)
        x = x if before else norm(w, p + "self_attn_layer_norm", x, 1e-5)
        y = norm(w, p + "final_layer_norm", x, 1e-5) if before else x
        x = x + linear(w, p + "fc2", F.relu(linear(w, p + "fc1", y, I)), H)
        x = x if before else norm(w, p + "final_layer_norm", x, 1e-5)
    x = norm(w, "final_layer_norm", x, 1e-5) if before else x
    if width != H:
        x = linear(w, "project_out", x, width, False)
    return {"input_ids": ids}, x @ w("embed_tokens.weight", V, width).T


def encoder(w, p, x, eps, pre_norm, names):
    """A block of BERT (norms behind) or ViT (norms before)."""
    first, second = names
    y = norm(w, p + first, x, eps) if pre_norm else x
    prefix = "attention.attention." if pre_norm else "attention.self."
    q, k, v = (heads(linear(w, p + prefix + n, y, H), A) for n in ("query", "key", "value"))
    x = x + linear(w, p + "attention.output.dense", attend(q, k, v), H)
    x = x if pre_norm else norm(w, p + first, x, eps)
    y = norm(w, p + second, x, eps) if pre_norm else x
    x = x + linear(w, p + "output.dense", F.gelu(linear(w, p + "intermediate.dense", y, I)), H)
    return x if pre_norm else norm(w, p + second, x, eps)


def bert(w, config):
    ids, eps = token_ids(4), config["layer_norm_eps"]
    e = "embeddings."
    x = w(e + "word_embeddings.weight", V, H, scale=1)[ids] + w(e + "position_embeddings.weight", 12, H)[:T]
    x = norm(w, e + "LayerNorm", x + w(e + "token_type_embeddings.weight", 2, H)[0], eps)
    for layer in range(L):
        x = encoder(w, f"encoder.layer.{layer}.", x, eps, False, ("attention.output.LayerNorm", "output.LayerNorm"))
    if config["architectures"] == ["BertModel"]:
        return {"input_ids": ids}, x
    if config["architectures"] == ["BertForSequenceClassification"]:
        pooled = torch.tanh(linear(w, "pooler.dense", x[:, 0], H))
        return {"input_ids": ids}, linear(w, "classifier", pooled, 3, prefix=False)
    x = F.gelu(linear(w, "cls.predictions.transform.dense", x, H, prefix=False))
    gain, shift = (w("cls.predictions.transform.LayerNorm." + n, H, prefix=False) for n in ("weight", "bias"))
    x = F.layer_norm(x, (H,), gain, shift, eps)
    return {"input_ids": ids}, x @ w(e + "word_embeddings.weight", V, H).T + w("cls.predictions.bias", V, prefix=False)


def vit(w, config):
    size, patch, eps = config["image_size"], config["patch_size"], config["layer_norm_eps"]
    image = torch.randn(B, 3, size, size, generator=torch.Generator().manual_seed(5))
    p = "embeddings.patch_embeddings.projection"
    x = F.conv2d(image, w(p + ".weight", H, 3, patch, patch, scale=0.15), w(p + ".bias", H), stride=patch)
    x = x.flatten(2).transpose(1, 2)
    extra = [w("embeddings.cls_token", 1, 1, H)]
    if config["model_type"] == "deit":
        extra.append(w("embeddings.distillation_token", 1, 1, H))
    x = torch.cat([t.expand(B, 1, H) for t in extra] + [x], 1)
    x = x + w("embeddings.position_embeddings", 1, x.shape[1], H)
    for layer in range(L):
        x = encoder(w, f"encoder.layer.{layer}.", x, eps, True, ("layernorm_before", "layernorm_after"))
    x = norm(w, "layernorm", x, eps)
    if config["architectures"] == ["DeiTForImageClassificationWithTeacher"]:
        both = [linear(w, n, x[:, i], 5, prefix=False) for i, n in enumerate(("cls_classifier", "distillation_classifier"))]
        return {"pixel_values": image}, (both[0] + both[1]) / 2
    return {"pixel_values": image}, linear(w, "classifier", x[:, 0], 5, prefix=False)


DECODER = {"hidden_size": H, "intermediate_size": I, "num_hidden_layers": L, "num_attention_heads": A, "num_key_value_heads": 2,
           "vocab_size": V, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 10000.0,
           "tie_word_embeddings": False}
ENCODER = {"hidden_size": H, "intermediate_size": I, "num_hidden_layers": L, "num_attention_heads": A, "hidden_act": "gelu",
           "layer_norm_eps": 1e-12}
BERT = dict(ENCODER, model_type="bert", vocab_size=V, max_position_embeddings=12, type_vocab_size=2)
VISION = dict(ENCODER, image_size=8, patch_size=4, num_channels=3, qkv_bias=True)
OPT = {"model_type": "opt", "hidden_size": H, "ffn_dim": I, "num_hidden_layers": L, "num_attention_heads": A, "vocab_size": V,
       "max_position_embeddings": 12, "activation_function": "relu", "word_embed_proj_dim": H, "do_layer_norm_before": True}
CASES = {
    "llama-bias": (llama, "model.", dict(DECODER, model_type="llama", attention_bias=True, mlp_bias=True)),
    "llama3-rope": (llama, "model.", dict(DECODER, model_type="llama", head_dim=8, rope_scaling={
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16})),
    "linear-rope": (llama, "model.", dict(DECODER, model_type="llama", rope_scaling={"type": "linear", "factor": 2.0})),
    "yarn-rope": (llama, "model.", dict(DECODER, model_type="llama", head_dim=16, rope_scaling={
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64})),
    "mistral-window": (llama, "model.", dict(DECODER, model_type="mistral", sliding_window=4)),
    "qwen2": (llama, "model.", dict(DECODER, model_type="qwen2", use_sliding_window=False, sliding_window=4)),
    "qwen3-tied": (llama, "model.", dict(DECODER, model_type="qwen3", head_dim=8, tie_word_embeddings=True)),
    "gpt2": (gpt2, "", {"model_type": "gpt2", "n_embd": H, "n_layer": L, "n_head": A, "n_positions": 12, "n_inner": None,
                        "vocab_size": V, "layer_norm_epsilon": 1e-5, "activation_function": "gelu_new"}),
    "opt": (opt, "model.decoder.", OPT),
    "opt-post-norm": (opt, "model.decoder.", dict(OPT, do_layer_norm_before=False, word_embed_proj_dim=8)),
    "bert": (bert, "", dict(BERT, architectures=["BertModel"])),
    "bert-mlm": (bert, "bert.", dict(BERT, architectures=["BertForMaskedLM"])),
    "bert-classifier": (bert, "bert.", dict(BERT, architectures=["BertForSequenceClassification"])),
    "vit": (vit, "vit.", dict(VISION, model_type="vit", architectures=["ViTForImageClassification"])),
    "deit": (vit, "deit.", dict(VISION, model_type="deit", architectures=["DeiTForImageClassificationWithTeacher"])),
}

if __name__ == "__main__":
    for case in sys.argv[1:] or CASES:
        forward, prefix, config = CASES[case]
        weights = Weights(sorted(CASES).index(case), prefix)
        with torch.no_grad():
            inputs, output = forward(weights, config)
        folder = os.path.join(HERE, case)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "config.json"), "w") as file:
            json.dump(config, file, indent=1)
            file.write("\n")
        save(os.path.join(folder, "model.safetensors"), weights.stored)
        save(os.path.join(folder, "expected.st"), dict(inputs, output=output))
        print(case, tuple(output.shape), float(output.abs().max()))
