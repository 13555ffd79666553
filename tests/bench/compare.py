#!/usr/bin/env python3
"""Runs qs_bench and, in turn with it, other programs on the same work, and prints one table of ratios.

Usage: compare.py [--bench build/release/bin/qs_bench] [--threads 1,2] [--rounds 3] [--gptq-size 4096]
                  [--only statistics,numberline,gptq,rounding,forward,capture,sensitivity,blocks]
                  [--clock wall|cpu] [--python PYTHON] [--llama-cpp FOLDER]

Times are the best of all rounds. A ratio above 1 says that Quantoscope is faster. On a machine that others use too,
compare one thread by the processor time (--clock cpu) that each program took. Sensitivity takes minutes and runs
only when it is asked for; its peer is the same executor running every variant from the inputs on. A peer that is not
installed (onnxruntime-node where NODE_PATH finds it; python3-torch, -numpy, -h5py and -onnx for PYTHON; ggml, whose
libggml-base.so lies in the folder of --llama-cpp or QS_LLAMA_CPP) is named and left out.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODELS = {"glyph-cnn": "glyph-calib", "glyph-vit": "glyph-calib", "tiny-llama": "tiny-llama-calib",
          "glyph-dit": "glyph-dit-calib"}
LAYERED = ("glyph-cnn", "glyph-vit", "tiny-llama")
ELEMENTS = 1 << 24
BEYOND_CACHES = 1 << 28
ROUNDING_SIZES = (2000, 4000)
BLOCKS = ("q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl", "iq4_xs", "tq1_0",
          "tq2_0", "mxfp4", "q1_0", "q2_0")
CAPTURE_SAMPLES, CAPTURE_BATCH = 128, 16
SENSITIVITY_SAMPLES = 16
READ_INPUTS = """
import h5py, json, sys
samples, batch = int(sys.argv[2]), int(sys.argv[3])
with h5py.File(sys.argv[1]) as file:
    json.dump([{name: {'shape': data[start:start + batch].shape, 'type': str(data.dtype),
                       'values': data[start:start + batch].reshape(-1).tolist()}
                for name, data in file['inputs'].items()} for start in range(0, samples, batch)], sys.stdout)"""
# Every value that a node computes becomes an output of the graph.
EXPOSE_ALL = """
import onnx, sys
model = onnx.load(sys.argv[1])
outputs = {output.name for output in model.graph.output}
for node in model.graph.node:
    for name in node.output:
        if name and name not in outputs and node.op_type != 'Constant':
            model.graph.output.append(onnx.ValueInfoProto(name=name))
onnx.save(model, sys.argv[2])
print(len(model.graph.output))"""


class Table:
    """Best milliseconds of every measurement, by its name."""

    def __init__(self):
        self.best, self.errors, self.missing = {}, {}, {}

    def note(self, name, milliseconds, error=None):
        self.best[name] = min(milliseconds, self.best.get(name, milliseconds))
        if error is not None:
            self.errors[name] = error

    def run(self, peer, command, stdin=None):
        """The JSON that a program prints, or None: a peer that fails once is not asked again."""
        if peer in self.missing:
            return None
        done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)
        lines = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
        self.missing[peer] = next((line for line in reversed(lines) if "Error" in line), lines[-1]).strip()
        return None


def bench(table, options, pattern):
    """Runs the benchmarks whose name matches; notes their times as they are named."""
    command = [options.bench, f"--benchmark_filter={pattern}", "--benchmark_format=json", "--benchmark_min_time=0.5"]
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True)
    for entry in json.loads(done.stdout)["benchmarks"]:
        if entry.get("error_occurred"):
            sys.exit(f"{entry['name']}: {entry['error_message']}")
        name = entry["name"].removesuffix("/process_time/real_time")
        clock = {"wall": "real_time", "cpu": "cpu_time"}[options.clock]
        table.note(name, entry[clock], entry.get("relative_error"))


def measure_statistics(table, options, threads):
    sizes = "|".join(str(halves * size) for size in (ELEMENTS, BEYOND_CACHES) for halves in (1, 2))
    bench(table, options, f"^(memcpy|statistics/.*)/elements:({sizes})/threads:{threads}/")
    if threads == 1:
        answer = table.run("numpy", [options.python, HERE / "numpy_statistics.py", ELEMENTS])
        if answer:
            table.note("numpy", answer[options.clock])


def measure_number_line(table, options, threads):
    pattern = f"^(memcpy|numberline_prepare)/elements:{ELEMENTS}/threads:{threads}/"
    bench(table, options, pattern + (f"|^numberline_.*/elements:{ELEMENTS}/threads:1/" if threads == 1 else ""))
    if threads == 1:
        answer = table.run("numpy", [options.python, HERE / "numpy_number_line.py", ELEMENTS])
        if answer:
            for work in ("sort", "clip"):
                table.note(f"numpy/{work}", answer[work][options.clock])


def measure_gptq(table, options, threads):
    for size in options.gptq_size:
        bench(table, options, f"^gptq/size:{size}/threads:{threads}/")
        answer = table.run("torch", [options.python, HERE / "torch_gptq.py", threads, size])
        if answer:
            table.note(f"torch/{size}/{threads}", answer[options.clock], answer.get("relative_error"))


def measure_rounding(table, options, threads):
    for size in ROUNDING_SIZES:
        bench(table, options, f"^(gemm|quantease_sweep|hessian)/size:{size}/threads:{threads}/")


def time_onnxruntime(table, options, threads, models, batches_of):
    """Notes ort/NAME for each of {name: (sample model, file)}; batches_of(sample model) gives what it runs on."""
    request = []
    for name, (model, file) in models.items():
        batches = batches_of(model)
        if batches:
            request.append({"name": name, "model": str(file), "batches": batches})
    if request:
        command = ["node", HERE / "ort_forward.mjs", threads]
        for name, best in (table.run("onnxruntime-node", command, json.dumps(request)) or {}).items():
            table.note(f"ort/{name}", best[options.clock])


def read_inputs(table, options, model, samples, batch):
    return table.run("h5py", [options.python, "-c", READ_INPUTS, ROOT / f"sample-data/{MODELS[model]}.h5", samples, batch])


def measure_forward(table, options, threads):
    for batch in (1, 32):
        bench(table, options, f"^forward/.*/batch:{batch}/threads:{threads}/")
        models = {f"{model}/{batch}/{threads}": (model, ROOT / f"sample-data/{model}.onnx") for model in MODELS}
        time_onnxruntime(table, options, threads, models,
                         lambda model, batch=batch: read_inputs(table, options, model, batch, batch))


def measure_capture(table, options, threads):
    bench(table, options, f"^capture/.*/samples:{CAPTURE_SAMPLES}/threads:{threads}/")
    with tempfile.TemporaryDirectory() as folder:
        models = {}
        for model in LAYERED:
            file = pathlib.Path(folder) / f"{model}.onnx"
            if table.run("onnx", [options.python, "-c", EXPOSE_ALL, ROOT / f"sample-data/{model}.onnx", file]):
                models[f"all/{model}/{threads}"] = (model, file)
        time_onnxruntime(table, options, threads, models,
                         lambda model: read_inputs(table, options, model, CAPTURE_SAMPLES, CAPTURE_BATCH))


def measure_sensitivity(table, options, threads):
    bench(table, options, f"^sensitivity.*/samples:{SENSITIVITY_SAMPLES}/threads:{threads}/")


def measure_blocks(table, options, threads):
    bench(table, options, f"^(memcpy|blocks_.*)/elements:{ELEMENTS}/threads:{threads}/")
    if threads == 1:
        answer = table.run("ggml", [options.python, HERE / "ggml_blocks.py", options.llama_cpp, ELEMENTS])
        for name, best in (answer or {}).items():
            table.note(f"ggml/{name}", best[options.clock])


def rows(options):
    """(work, threads, our name, peer, its name) in the order of the table."""
    for threads in options.threads:
        if "statistics" in options.only:
            for elements, size in ((ELEMENTS, "64 MiB"), (BEYOND_CACHES, "1 GiB")):
                for name, halves in (("float32", 1), ("bfloat16", 2), ("float16", 2)):
                    ours = f"statistics/{name}/elements:{halves * elements}/threads:{threads}"
                    peer = f"memcpy/elements:{elements}/threads:{threads}"
                    yield f"statistics, {size} {name}", threads, ours, "memcpy", peer
            if threads == 1:
                ours = f"statistics/float32/elements:{ELEMENTS}/threads:1"
                yield "statistics, 64 MiB float32", threads, ours, "numpy", "numpy"
        if "numberline" in options.only:
            size = f"elements:{ELEMENTS}/threads:{threads}"
            yield "sort and moments, 16 M values", threads, f"numberline_prepare/{size}", "memcpy", f"memcpy/{size}"
            if threads == 1:
                yield "sort and moments, 16 M values", threads, f"numberline_prepare/{size}", "numpy.sort", "numpy/sort"
                yield "clip range, exact: INT4 s2", threads, f"numberline_clip/int4-s2/{size}", "numpy", "numpy/clip"
                for name in ("int4-s2", "int8-asymmetric", "nf4"):
                    ours = f"numberline_clip/{name}/{size}"
                    yield f"clip range, exact: {name}", threads, ours, "memcpy", f"memcpy/{size}"
                yield "clip range, exact: int4-s2", threads, f"numberline_clip/int4-s2/{size}", "plain loop", f"numberline_plain/int4-s2/{size}"
        if "gptq" in options.only:
            for size in options.gptq_size:
                ours = f"gptq/size:{size}/threads:{threads}"
                yield f"GPTQ {size}x{size}, 4 bit", threads, ours, "torch", f"torch/{size}/{threads}"
        if "rounding" in options.only:
            for size in ROUNDING_SIZES:
                gemm = f"gemm/size:{size}/threads:{threads}"
                for work, name in ((f"QuantEase sweep {size}x{size}", "quantease_sweep"), (f"Hessian, {size} tokens", "hessian")):
                    yield work, threads, f"{name}/size:{size}/threads:{threads}", "oneDNN gemm", gemm
        if "blocks" in options.only:
            size = f"elements:{ELEMENTS}/threads:{threads}"
            if threads == 1:
                yield "GGUF q8_0 blocks, 16 M values", threads, f"blocks_encode/q8_0/{size}", "plain loop", f"blocks_plain/q8_0/{size}"
                for name in BLOCKS:
                    yield f"GGUF {name} blocks, 16 M values", threads, f"blocks_encode/{name}/{size}", "ggml", f"ggml/{name}"
                yield "decoded q4_k, 16 M values", threads, f"blocks_decode/q4_k/{size}", "memcpy", f"memcpy/{size}"
            for name in ("q4_0", "q4_k", "iq4_nl"):
                yield f"GGUF {name} blocks, 16 M values", threads, f"blocks_encode/{name}/{size}", "memcpy", f"memcpy/{size}"
        if "capture" in options.only:
            for model in LAYERED:
                ours = f"capture/{model}/samples:{CAPTURE_SAMPLES}/threads:{threads}"
                yield f"calibrate {model}, {CAPTURE_SAMPLES} samples", threads, ours, "ORT, all taps", f"ort/all/{model}/{threads}"
        if "sensitivity" in options.only:
            for model in LAYERED:
                size = f"{model}/samples:{SENSITIVITY_SAMPLES}/threads:{threads}"
                yield f"sensitivity of {model}", threads, f"sensitivity/{size}", "each whole", f"sensitivity_from_start/{size}"
        if "forward" in options.only:
            for model in MODELS:
                for batch in (1, 32):
                    ours = f"forward/{model}/batch:{batch}/threads:{threads}"
                    yield f"{model}, batch {batch}", threads, ours, "ONNX Runtime", f"ort/{model}/{batch}/{threads}"


def print_table(table, options):
    print(f"{'work':32}{'threads':>8}{'ms':>10}  {'peer':14}{'ms':>10}{'ratio':>8}")
    for work, threads, ours, peer, theirs in rows(options):
        mine = table.best[ours]
        other = table.best.get(theirs)
        peer_part = f"{other:10.2f}{other / mine:8.2f}" if other else f"{'not here':>10}"
        error = ""
        if ours in table.errors and theirs in table.errors:
            error = f"  error {table.errors[ours] / table.errors[theirs]:.4f} of the peer's"
        print(f"{work:32}{threads:8}{mine:10.2f}  {peer:14}{peer_part}{error}")
    for peer, reason in table.missing.items():
        print(f"{peer} is not here: {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default=ROOT / "build/release/bin/qs_bench", type=pathlib.Path)
    parser.add_argument("--only", default="statistics,numberline,gptq,rounding,forward,capture,blocks", type=lambda text: text.split(","))
    parser.add_argument("--threads", default="1,2", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--gptq-size", default="4096", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"])
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--llama-cpp", default=os.environ.get("QS_LLAMA_CPP", "."), type=pathlib.Path)
    options = parser.parse_args()
    if not options.bench.exists():
        sys.exit(f"{options.bench} is not there: build the target qs_bench, or say where it is with --bench")
    measures = {"statistics": measure_statistics, "numberline": measure_number_line, "gptq": measure_gptq,
                "rounding": measure_rounding, "forward": measure_forward,
                "capture": measure_capture, "sensitivity": measure_sensitivity, "blocks": measure_blocks}
    table = Table()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before, best {options.clock} time of {options.rounds} rounds")
    for _ in range(options.rounds):
        for threads in options.threads:
            for kind in options.only:
                measures[kind](table, options, threads)
    print(f"load {os.getloadavg()[0]:.1f} after")
    print_table(table, options)


if __name__ == "__main__":
    main()
