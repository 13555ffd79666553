// Times ONNX Runtime on the sample models: node ort_forward.mjs THREADS < request.json > times.json
// The request lists {name, model, inputs: {name: {type, shape, values}}}; the answer is the best milliseconds by name.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const ort = createRequire(import.meta.url)('onnxruntime-node');
const threads = Number(process.argv[2]);
const secondsPerCase = 2;

function toTensor({type, shape, values}) {
    if (type === 'int64')
        return new ort.Tensor('int64', BigInt64Array.from(values, BigInt), shape);
    return new ort.Tensor('float32', Float32Array.from(values), shape);
}

const times = {};
for (const {name, model, inputs} of JSON.parse(readFileSync(0))) {
    const session = await ort.InferenceSession.create(model, {intraOpNumThreads: threads, interOpNumThreads: 1});
    const feeds = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, toTensor(value)]));
    let best = Infinity;
    const until = performance.now() + 1000 * secondsPerCase;
    for (let round = 0; round < 5 || performance.now() < until; ++round) {
        const start = performance.now();
        await session.run(feeds);
        best = Math.min(best, performance.now() - start);
    }
    times[name] = best;
}
process.stdout.write(JSON.stringify(times));
