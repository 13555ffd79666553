#!/usr/bin/env python3
"""Prints what quantization does to every sample model: top-1 or perplexity, float against recipes.

Usage: sample_table.py [--qscope build/release/bin/qscope] [--outliers tiny-llama-outliers.onnx]
The outlier twin is made by sample-data/make_outlier_twin.py.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GROUP = ["--granularity", "group", "--group-size", "64"]
CHANNEL = ["--granularity", "channel"]
RECIPES = {
    "W8A8 RTN": ["--method", "rtn", "--bits", "8", "--activations", "int8", *CHANNEL],
    "W4 RTN": ["--method", "rtn", "--bits", "4", *CHANNEL],
    "W4 GPTQ": ["--method", "gptq", "--bits", "4", *CHANNEL],
    "W4 RTN g64": ["--method", "rtn", "--bits", "4", *GROUP],
    "W4 GPTQ g64": ["--method", "gptq", "--bits", "4", *GROUP],
    "W3 RTN": ["--method", "rtn", "--bits", "3", *CHANNEL],
    "W3 GPTQ": ["--method", "gptq", "--bits", "3", *CHANNEL],
    "W3 RTN g64": ["--method", "rtn", "--bits", "3", *GROUP],
    "W3 GPTQ g64": ["--method", "gptq", "--bits", "3", *GROUP],
}


def quality(metrics):
    """Task metric of a report section; models without labels or targets fall back to the output's SQNR."""
    if "top1" in metrics:
        return f"top-1 {metrics['top1']:.2f} %"
    if "perplexity" in metrics:
        return f"perplexity {metrics['perplexity']:.3f}"
    return f"SQNR {metrics['sqnr_db']:.2f} dB"


def run(qscope, model, calibration, evaluation, options):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        subprocess.run(
            [qscope, "quantize", model, "--calib", calibration, "--eval", evaluation, "--quick",
             "--report", report, *options],
            check=True, stdout=subprocess.DEVNULL)
        return json.loads(report.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qscope", default=ROOT / "build/release/bin/qscope")
    parser.add_argument("--outliers", help="path of tiny-llama-outliers.onnx")
    arguments = parser.parse_args()
    data = ROOT / "sample-data"
    llama = (data / "tiny-llama-calib.h5", data / "tiny-llama-eval.h5")
    glyphs = (data / "glyph-calib.h5", data / "glyph-eval.h5")
    models = [(data / "glyph-cnn.onnx", *glyphs), (data / "glyph-vit.onnx", *glyphs), (data / "tiny-llama.onnx", *llama),
              (data / "glyph-dit.onnx", data / "glyph-dit-calib.h5", data / "glyph-dit-calib.h5")]
    if arguments.outliers:
        models.append((pathlib.Path(arguments.outliers), *llama))
    for model, calibration, evaluation in models:
        for name, options in RECIPES.items():
            report = run(arguments.qscope, model, calibration, evaluation, options)
            if name == "W8A8 RTN":
                print(f"{model.name:28} {'float':12} {32:6.3f} bits  {quality(report['float'])}", flush=True)
            failed = [layer["layer"] for layer in report["layers"] if layer["state"] == "failed"]
            note = f"  ({len(failed)} layers stayed float: {failed[0]}, …)" if failed else ""
            print(f"{model.name:28} {name:12} {report['effective_bits_per_weight']:6.3f} bits  "
                  f"{quality(report['quantized'])}{note}", flush=True)


if __name__ == "__main__":
    main()
