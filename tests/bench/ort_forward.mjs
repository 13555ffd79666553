// Times ONNX Runtime on the sample models: node ort_forward.mjs THREADS < request.json > times.json
// The request lists {name, model, batches: [{input: {type, shape, values}}]}; the answer is the best milliseconds
// for all batches by name, {wall, cpu}; cpu counts all threads.
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';

const ort = createRequire(import.meta.url)('onnxruntime-node');
const threads = Number(process.argv[2]);
const secondsPerCase = 1;

function toTensor({type, shape, values}) {
    if (type === 'int64')
        return new ort.Tensor('int64', BigInt64Array.from(values, BigInt), shape);
    return new ort.Tensor('float32', Float32Array.from(values), shape);
}

const times = {};
for (const {name, model, batches} of JSON.parse(readFileSync(0))) {
    const session = await ort.InferenceSession.create(model, {intraOpNumThreads: threads, interOpNumThreads: 1});
    const feeds = batches.map(inputs =>
        Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, toTensor(value)])));
    const best = {wall: Infinity, cpu: Infinity};
    const until = performance.now() + 1000 * secondsPerCase;
    for (let round = 0; round < 5 || performance.now() < until; ++round) {
        const start = performance.now(), cpu = process.cpuUsage();
        for (const batch of feeds)
            await session.run(batch);
        best.wall = Math.min(best.wall, performance.now() - start);
        const spent = process.cpuUsage(cpu);
        best.cpu = Math.min(best.cpu, (spent.user + spent.system) / 1000);
    }
    times[name] = best;
}
process.stdout.write(JSON.stringify(times));
