// Writes tests/golden/ort_outputs: what ONNX Runtime computes for the first calibration samples of each sample
// model. Run from the repository root, with onnxruntime-node where NODE_PATH finds it and python3-h5py installed:
//   NODE_PATH=<folder>/node_modules node tests/tools/make_ort_goldens.mjs
import {execFileSync} from 'node:child_process';
import {mkdirSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const ort = createRequire(import.meta.url)('onnxruntime-node');
const cases = [
    {model: 'glyph-cnn', data: 'glyph-calib', samples: 8},
    {model: 'glyph-vit', data: 'glyph-calib', samples: 8},
    {model: 'tiny-llama', data: 'tiny-llama-calib', samples: 2},
    {model: 'glyph-dit', data: 'glyph-dit-calib', samples: 8},
];
const readSamples = `
import h5py, json, sys
with h5py.File(sys.argv[1]) as file:
    found = {}
    for name, data in file['inputs'].items():
        rows = data[:int(sys.argv[2])]
        found[name] = {'shape': rows.shape, 'type': str(rows.dtype), 'values': rows.reshape(-1).tolist()}
    json.dump(found, sys.stdout)`;

function toTensor(input) {
    if (input.type.startsWith('int'))
        return new ort.Tensor('int64', BigInt64Array.from(input.values, BigInt), input.shape);
    return new ort.Tensor('float32', Float32Array.from(input.values), input.shape);
}

mkdirSync('tests/golden/ort_outputs', {recursive: true});
const index = {runtime: 'onnxruntime-node', cases: []};
for (const {model, data, samples} of cases) {
    const json = execFileSync('/usr/bin/python3', ['-c', readSamples, `sample-data/${data}.h5`, `${samples}`],
                              {maxBuffer: 1 << 28});
    const inputs = JSON.parse(json);
    const session = await ort.InferenceSession.create(`sample-data/${model}.onnx`);
    const feeds = Object.fromEntries(session.inputNames.map(name => [name, toTensor(inputs[name])]));
    const outputs = await session.run(feeds);
    const name = session.outputNames[0];
    writeFileSync(`tests/golden/ort_outputs/${model}.f32`, Buffer.from(outputs[name].data.buffer,
        outputs[name].data.byteOffset, outputs[name].data.byteLength));
    index.cases.push({model, data, samples, output: name, shape: outputs[name].dims});
}
writeFileSync('tests/golden/ort_outputs/index.json', JSON.stringify(index, null, 1) + '\n');
