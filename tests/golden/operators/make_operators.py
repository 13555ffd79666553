#!/usr/bin/env python3
"""Computes what ONNX Runtime makes of the operators in onnx_runtime.json, next to this script, and writes it there.

usage: NODE_PATH=<folder>/node_modules make_operators.py

Needs python3-onnx, node and onnxruntime-node. To add an operator, append an entry with `op`, `opset`, `attributes`
(1.0 is a float, 1 an int), `inputs` (null where omitted) and, for every output, something in `expected`; then run this.
"""

import json
import pathlib
import subprocess
import tempfile

from onnx import TensorProto, ValueInfoProto, helper

GOLDEN = pathlib.Path(__file__).with_name("onnx_runtime.json")
TYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "uint8": TensorProto.UINT8, "int8": TensorProto.INT8,
         "int32": TensorProto.INT32, "int64": TensorProto.INT64}

RUN = """
const ort = require('onnxruntime-node'), fs = require('fs');
const arrays = {float32: Float32Array, float64: Float64Array, uint8: Uint8Array, int8: Int8Array, int32: Int32Array,
                int64: BigInt64Array};
const options = {graphOptimizationLevel: 'disabled', logSeverityLevel: 3};
const toTensor = x => new ort.Tensor(x.type, arrays[x.type].from(x.data, v => x.type == 'int64' ? BigInt(v) : v), x.shape);
(async () => {
    const cases = JSON.parse(fs.readFileSync(process.argv[1] + '/cases.json')), results = [];
    for (const [k, entry] of cases.entries()) {
        const session = await ort.InferenceSession.create(`${process.argv[1]}/${k}.onnx`, options);
        const feeds = {};
        entry.inputs.forEach((x, i) => { if (x) feeds['x' + i] = toTensor(x); });
        const found = await session.run(feeds);
        results.push(entry.expected.map((_, i) => found['y' + i]).map(t => ({
            type: t.type, shape: Array.from(t.dims), data: Array.from(t.data, v => Number(Number(v).toPrecision(7)))})));
    }
    fs.writeFileSync(process.argv[1] + '/results.json', JSON.stringify(results));
})();
"""


def model_of(case):
    inputs = [(f"x{i}" if x else "", x) for i, x in enumerate(case["inputs"])]
    outputs = [f"y{i}" for i in range(len(case["expected"]))]
    node = helper.make_node(case["op"], [name for name, _ in inputs], outputs, **case["attributes"])
    infos = [helper.make_tensor_value_info(name, TYPES[x["type"]], x["shape"]) for name, x in inputs if x]
    graph = helper.make_graph([node], "one", infos, [ValueInfoProto(name=name) for name in outputs])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", case["opset"])], ir_version=8)


def main():
    golden = json.loads(GOLDEN.read_text())
    cases = golden["cases"]
    with tempfile.TemporaryDirectory() as folder:
        for k, case in enumerate(cases):
            pathlib.Path(folder, f"{k}.onnx").write_bytes(model_of(case).SerializeToString())
        pathlib.Path(folder, "cases.json").write_text(json.dumps(cases))
        subprocess.run(["node", "-e", RUN, folder], check=True)
        for case, expected in zip(cases, json.loads(pathlib.Path(folder, "results.json").read_text())):
            case["expected"] = expected
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    GOLDEN.write_text('{\n"source": %s,\n"tolerance": %s,\n"cases": [\n%s\n]}\n' %
                      (json.dumps(golden["source"]), json.dumps(golden["tolerance"]), lines))


if __name__ == "__main__":
    main()
