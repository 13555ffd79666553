"""Differences of checkpoints: norms, the difference as a model, 1-bit weights."""
import json
import math
import struct

import onnx_writer
from cli_case import *

NETWORKS = SOURCE / "tests/golden/architectures"


def write_safetensors(path, tensors):
    """tensors: {name: (shape, values)}, stored as float32."""
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        raw = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    raw = path.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__")
    body = raw[8 + size:]
    return {name: (entry["shape"], struct.unpack(f"<{(entry['data_offsets'][1] - entry['data_offsets'][0]) // 4}f",
                                                 body[slice(*entry["data_offsets"])]))
            for name, entry in header.items()}


BASE = {"a.weight": ([2, 3], [1, 2, 3, 4, 5, 6]), "a.bias": ([2], [0.5, -0.5]), "b.weight": ([2, 2], [1, 1, 1, 1]),
        "gone.weight": ([2, 2], [0] * 4), "odd.weight": ([2, 2], [1] * 4)}
TUNED = {"a.weight": ([2, 3], [1.5, 2, 3, 4, 4, 6.25]), "a.bias": ([2], [1, -1]), "b.weight": ([2, 2], [1, 1, 1, 1]),
         "new.weight": ([2, 2], [0] * 4), "odd.weight": ([2, 3], [1] * 6)}
DELTA = [0.5, 0, 0, 0, -1, 0.25]


class Diff(CliCase):
    def checkpoints(self):
        base, tuned = self.folder / "base.safetensors", self.folder / "tuned.safetensors"
        write_safetensors(base, BASE)
        write_safetensors(tuned, TUNED)
        return base, tuned

    def test_norms_of_every_layer(self):
        base, tuned = self.checkpoints()
        outcome = self.run_qscope("diff", base, tuned, "--json")
        document = outcome.json()
        layers = {entry["layer"]: entry for entry in document["layers"]}
        self.assertEqual(set(layers), {"a", "b"})
        change = math.sqrt(sum(d * d for d in DELTA))
        self.assertAlmostEqual(layers["a"]["delta_norm"], change, places=12)
        self.assertAlmostEqual(layers["a"]["relative_norm"], change / math.sqrt(91), places=12)
        self.assertAlmostEqual(layers["a"]["mean_magnitude"], 1.75 / 6, places=12)
        self.assertEqual((layers["a"]["largest"], layers["a"]["unchanged"]), (1, 3))
        self.assertEqual((layers["b"]["delta_norm"], layers["b"]["cosine"], layers["b"]["unchanged"]), (0, 1, 4))
        self.assertAlmostEqual(document["total"]["delta_norm"], change, places=12)
        self.assert_says(outcome.err, "gone", "new", "odd", "[2, 3]", "left out")

    def test_difference_file_is_a_model_for_every_command(self):
        base, tuned = self.checkpoints()
        link = self.folder / "delta.qsdiff"
        self.run_qscope("diff", base, tuned, "-o", link)
        self.assertEqual(self.run_qscope("info", link, "--json").json()["format"], "Difference")
        stats = self.run_qscope("stats", link, "--json").json()["weights"]
        self.assertEqual((stats[0]["layer"], stats[0]["min"], stats[0]["max"]), ("a", -1, 0.5))
        cell = self.run_qscope("tensor", link, "--layer", "a", "--bits", "8", "--at", "1,1", "--json").json()["cells"][0]
        self.assertEqual(cell["value"], -1)
        self.run_qscope("render", "tensor", link, "--layer", "a", "-o", self.folder / "a.png")
        self.assertTrue((self.folder / "a.png").stat().st_size > 1000)
        # The folder can move, and a changed checkpoint is told.
        moved = self.folder / "moved"
        moved.mkdir()
        for file in (base, tuned, link):
            file.rename(moved / file.name)
        self.run_qscope("stats", moved / "delta.qsdiff")
        write_safetensors(moved / "base.safetensors", {**BASE, "a.weight": ([2, 3], [0] * 6)})
        outcome = self.run_qscope("stats", moved / "delta.qsdiff", "--json")
        self.assert_says(outcome.err, "has changed since")
        self.assertEqual(outcome.json()["weights"][0]["max"], 6.25)
        (moved / "base.safetensors").unlink()
        self.assert_says(self.run_qscope("info", moved / "delta.qsdiff", code=BAD_INPUT).err, "base checkpoint", "not there")

    def test_saved_tensors_are_the_differences(self):
        base, tuned = self.checkpoints()
        out = self.folder / "delta.safetensors"
        self.run_qscope("diff", base, tuned, "-o", out)
        found = read_safetensors(out)
        self.assertEqual(found["a.weight"], ([2, 3], tuple(DELTA)))
        self.assertEqual(found["a.bias"], ([2], (0.5, -0.5)))
        self.assertEqual(set(found), {"a.weight", "b.weight", "a.bias"})
        # What was written opens, and is what the link shows.
        self.assertEqual(self.run_qscope("stats", out, "--json").json()["weights"][0]["min"], -1)

    def test_one_bit_is_sign_times_mean_magnitude(self):
        base, tuned = self.checkpoints()
        link = self.folder / "delta.qsdiff"
        self.run_qscope("diff", base, tuned, "-o", link)
        for granularity, scale in (("tensor", 1.75 / 6), ("channel", 1.25 / 3)):
            arguments = ["--method", "bitdelta", "--bits", "1", "--granularity", granularity]
            cell = self.run_qscope("tensor", link, "--layer", "a", *arguments, "--at", "1,1", "--json").json()["cells"][0]
            self.assertAlmostEqual(cell["dequantized"], -scale, delta=1e-7)
            self.assertAlmostEqual(cell["scale"], scale, delta=1e-7)
        report = self.run_qscope("quantize", link, "--method", "bitdelta", "--bits", "1", "--granularity", "tensor",
                                 "--layers", "a", "--json").json()
        (layer,) = [entry for entry in report["layers"] if entry["layer"] == "a"]
        expected = sum((d - (1.75 / 6 if d > 0 else -1.75 / 6)) ** 2 for d in DELTA)
        self.assertAlmostEqual(layer["weight_error"]["mse"], expected / 6, delta=1e-7)
        self.assertAlmostEqual(layer["bits_per_weight"]["effective"], 1 + 32 / 6, delta=1e-9)
        self.assert_says(self.run_qscope("quantize", link, "--bits", "1", code=FAILED).err, "2 to")
        self.assert_says(self.run_qscope("quantize", link, "--method", "bitdelta", "--bits", "4", code=FAILED).err, "1 bit")

    def test_formats_mix(self):
        """An ONNX layer that stores [in, out] against safetensors that store [out, in], by the end of the name."""
        model = self.file("tuned.onnx", onnx_writer.linear([1, 2, 3, 5], 2, 2))
        base = self.folder / "base.safetensors"
        write_safetensors(base, {"model.fc.weight": ([2, 2], [1, 3, 2, 4])})
        (layer,) = self.run_qscope("diff", base, model, "--json").json()["layers"]
        self.assertEqual((layer["delta_norm"], layer["unchanged"]), (1, 3))
        (layer,) = self.run_qscope("diff", model, base, "--json").json()["layers"]
        self.assertEqual((layer["delta_norm"], layer["layer"]), (1, "model.fc"))

    def test_folders(self):
        document = self.run_qscope("diff", NETWORKS / "qwen2", NETWORKS / "qwen2", "--sort", "relative", "--json").json()
        self.assertEqual({entry["delta_norm"] for entry in document["layers"]}, {0})
        self.assertEqual(len(document["layers"]), 16)

    def test_what_goes_wrong_is_told(self):
        base, tuned = self.checkpoints()
        self.assert_says(self.run_qscope("diff", base, CNN, code=BAD_INPUT).err, "same name and shape")
        self.run_qscope("diff", base, self.folder / "none", code=BAD_INPUT)
        self.assert_says(self.run_qscope("diff", base, tuned, "-o", self.folder / "x.bin", code=USAGE).err, ".qsdiff")
        cut = self.file("cut.safetensors", tuned.read_bytes()[:-5])
        self.run_qscope("diff", base, cut, code=BAD_INPUT)
        for text in ('{"quantoscope_difference": 1}', '{"quantoscope_difference": 1, "base": {"file": 3}}',
                     '{"quantoscope_difference": 1, "base": {"file": "d.qsdiff"}, "tuned": {"file": "d.qsdiff"}}',
                     '{"quantoscope_difference": '):
            link = self.file("d.qsdiff", text)
            self.assertIn(self.run_qscope_any("info", link), (BAD_INPUT, UNSUPPORTED))
        nan = self.folder / "nan.safetensors"
        write_safetensors(nan, {**TUNED, "a.weight": ([2, 3], [float("nan"), 2, 3, 4, 4, 6.25])})
        entry = self.run_qscope("diff", base, nan, "--json").json()["layers"][0]
        self.assertEqual((entry["not_finite"], entry["count"]), (1, 5))

    def run_qscope_any(self, *arguments):
        return subprocess.run([QSCOPE, *map(str, arguments)], capture_output=True, text=True, check=False).returncode


if __name__ == "__main__":
    main()
