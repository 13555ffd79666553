#!/usr/bin/python3
"""Writes tiny-llama-outliers.onnx: the function of tiny-llama.onnx, but with outlier channels.

Large language models have a few activation channels that are far larger than the rest; a small model has none. The
twin gets them without changing what it computes: six gains of every norm are multiplied by k and the rows of the
weights that read them divided by k; eight output columns of every up projection are multiplied and the rows of the
down projection that read them divided. Only rounding differs (logits agree within 2e-5).

usage: make_outlier_twin.py [tiny-llama.onnx [tiny-llama-outliers.onnx]]
"""
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

NORM_FACTORS = np.float32([100, 60, 60, 30, 30, 20])
UP_FACTORS = np.float32([64, 64, 32, 32, 32, 16, 16, 16])
SEED = 3


class Weights:
    """The initializers of a model, found through the nodes that read them."""

    def __init__(self, model):
        self.tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        self.of_node = {node.name: next(name for name in node.input if name in self.tensors)
                        for node in model.graph.node if any(name in self.tensors for name in node.input)}
        self.arrays = {}

    def array(self, node_name):
        name = self.of_node[node_name]
        if name not in self.arrays:
            self.arrays[name] = numpy_helper.to_array(self.tensors[name]).copy()
        return self.arrays[name]

    def store(self):
        for name, array in self.arrays.items():
            self.tensors[name].CopyFrom(numpy_helper.from_array(array, name))


def add_outliers(weights, layer, random):
    """MatMul weights are stored [in, out], so a reading weight is divided along its rows."""
    prefix = f'/layers.{layer}/'
    readers = {'input_layernorm': ('self_attn/q_proj', 'self_attn/k_proj', 'self_attn/v_proj'),
               'post_attention_layernorm': ('mlp/gate_proj', 'mlp/up_proj')}
    for norm, projections in readers.items():
        gain = weights.array(f'{prefix}{norm}/Mul_1')
        channels = random.choice(gain.size, NORM_FACTORS.size, replace=False)
        gain[channels] *= NORM_FACTORS
        for projection in projections:
            weights.array(f'{prefix}{projection}/MatMul')[channels] /= NORM_FACTORS[:, None]
    up, down = weights.array(f'{prefix}mlp/up_proj/MatMul'), weights.array(f'{prefix}mlp/down_proj/MatMul')
    channels = random.choice(up.shape[1], UP_FACTORS.size, replace=False)
    up[:, channels] *= UP_FACTORS
    down[channels] /= UP_FACTORS[:, None]


def main():
    here = Path(__file__).resolve().parent
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else here / 'tiny-llama.onnx'
    target = Path(sys.argv[2]) if len(sys.argv) > 2 else source.with_name('tiny-llama-outliers.onnx')
    model = onnx.load(str(source))
    weights = Weights(model)
    random = np.random.default_rng(SEED)
    layers = sum(name.endswith('/input_layernorm/Mul_1') for name in weights.of_node)
    for layer in range(layers):
        add_outliers(weights, layer, random)
    weights.store()
    onnx.save(model, str(target))
    print(f'{target}: {layers} layers with outlier channels')


if __name__ == '__main__':
    main()
