// Runs models with ONNX Runtime: node run_models.cjs JOBS.json
//
// JOBS.json: [{model, level, batch, inputs: [{name, type, dims, file}], output}], all files raw little-endian.
// Outputs of a job, joined along axis 0 over its batches, go to "<output>.<index>", their shapes to "<output>.json".
'use strict';
const fs = require('fs');

let ort;
try {
  ort = require('onnxruntime-node');
} catch (error) {
  console.error('onnxruntime-node is not installed: ' + error.message.split('\n')[0]);
  process.exit(3);
}

const arrays = {float32: Float32Array, int64: BigInt64Array, int32: Int32Array};

function readInput(input) {
  const bytes = fs.readFileSync(input.file);
  const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  return {...input, values: new arrays[input.type](copy)};
}

// Samples [begin, end) along axis 0.
function slice(input, begin, end) {
  const size = input.dims.slice(1).reduce((a, b) => a * b, 1);
  return new ort.Tensor(input.type, input.values.subarray(begin * size, end * size),
                        [end - begin, ...input.dims.slice(1)]);
}

async function run(job) {
  const session = await ort.InferenceSession.create(job.model, {
    graphOptimizationLevel: job.level,
    logSeverityLevel: 3,
    // Level 4, the default, rounds the activations of 4-bit matrix products to int8.
    extra: {session: {qdq_matmulnbits_accuracy_level: '0'}},
  });
  const inputs = job.inputs.map(readInput);
  const samples = inputs[0].dims[0];
  const batch = job.batch || samples;
  const parts = session.outputNames.map(() => []);
  const dims = [];
  for (let begin = 0; begin < samples; begin += batch) {
    const end = Math.min(samples, begin + batch);
    const feeds = {};
    for (const input of inputs)
      feeds[input.name] = samples === end - begin
          ? new ort.Tensor(input.type, input.values, input.dims) : slice(input, begin, end);
    const results = await session.run(feeds);
    session.outputNames.forEach((name, index) => {
      const tensor = results[name];
      if (tensor.type !== 'float32')
        throw new Error(`output ${name} is ${tensor.type}, not float32`);
      parts[index].push(Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength));
      dims[index] = begin === 0 ? [...tensor.dims] : [dims[index][0] + tensor.dims[0], ...tensor.dims.slice(1)];
    });
  }
  parts.forEach((buffers, index) => fs.writeFileSync(`${job.output}.${index}`, Buffer.concat(buffers)));
  fs.writeFileSync(`${job.output}.json`, JSON.stringify(dims));
}

(async () => {
  for (const job of JSON.parse(fs.readFileSync(process.argv[2], 'utf8'))) {
    try {
      await run(job);
    } catch (error) {
      console.error(`${job.model}: ${error.message}`);
      process.exit(1);
    }
  }
})();
