"""Activations captured in torch by quantoscope_capture.py, and what qscope reads of them."""
import json
import sys

from cli_case import *

SCRIPT = SOURCE / "resources/python/quantoscope_capture.py"


def python_with_torch():
    """A Python that has torch and h5py; the one of the system may have them where another comes first in the path."""
    for python in (sys.executable, "/usr/bin/python3"):
        check = [python, "-c", "import torch, h5py"]
        if pathlib.Path(python).exists() and subprocess.run(check, capture_output=True, check=False).returncode == 0:
            return python
    return None


PYTHON = python_with_torch()

# A network with fixed weights, its tensors as a safetensors file, and its activations' statistics as torch has them.
NETWORK = '''
import json, struct, sys
import numpy, torch
sys.path.insert(0, {scripts!r})
import quantoscope_capture as qc

class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = torch.nn.ModuleDict({{"q_proj": torch.nn.Linear(8, 6), "o_proj": torch.nn.Linear(6, 8)}})
        self.mlp = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 8))
    def forward(self, x):
        x = x + self.attn["o_proj"](self.attn["q_proj"](x))
        return x + self.mlp(x)

class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = torch.nn.ModuleList([Block(), Block()])
    def forward(self, image, scale=None):
        x = self.conv(image).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return x

def network():
    model = Network()
    with torch.no_grad():
        for i, parameter in enumerate(model.parameters()):
            n = parameter.numel()
            parameter.copy_(torch.sin(torch.arange(n, dtype=torch.float32) * (0.7 + 0.01 * i)).reshape(parameter.shape) * 0.3)
    return model

def batches():
    for b in range(3):
        values = torch.cos(torch.arange(4 * 3 * 5 * 5, dtype=torch.float32) * 0.37 + b).reshape(4, 3, 5, 5)
        yield {{"image": values * 2}}

def write_safetensors(model, path):
    header, data = {{}}, b""
    for name, tensor in model.state_dict().items():
        raw = tensor.float().contiguous().numpy().tobytes()
        header[name] = {{"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + data)

def facts(model):
    seen = {{}}
    def keep(name):
        return lambda module, args, result: seen.setdefault(name, []).append(args[0].detach().double())
    handles = [module.register_forward_hook(keep(name)) for name, module in model.named_modules()
               if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))]
    with torch.no_grad():
        for batch in batches():
            model(**batch)
    for handle in handles:
        handle.remove()
    out = {{}}
    for name, parts in seen.items():
        x = torch.cat(parts)
        axis = 1 if x.dim() == 4 else x.dim() - 1
        channels = x.transpose(0, axis).reshape(x.shape[axis], -1)
        out[name] = {{"count": x.numel(), "min": x.min().item(), "max": x.max().item(), "mean": x.mean().item(),
                     "std": x.std(unbiased=False).item(), "channels": x.shape[axis], "tokens": channels.shape[1],
                     "outlier": (channels.abs().max(1).values.max() / channels.abs().max(1).values.median()).item()}}
    return out
'''


@unittest.skipUnless(PYTHON, "needs a Python with torch and h5py (Debian: python3-torch, python3-h5py)")
class Capture(CliCase):
    def torch(self, code, code_expected=0):
        self.file("network.py", NETWORK.format(scripts=str(SCRIPT.parent)))
        process = subprocess.run([PYTHON, "-B", "-c", "from network import *\n" + code], cwd=self.folder, capture_output=True,
                                 text=True, check=False)
        self.assertEqual(process.returncode, code_expected, process.stderr[-3000:])
        return process

    def test_statistics_are_those_of_torch(self):
        process = self.torch('m = network()\nwrite_safetensors(m, "net.safetensors")\nprint(json.dumps(facts(m)))\n'
                             'qc.capture(m, batches(), "acts.h5")')
        expected = json.loads(process.stdout)
        document = self.run_qscope("stats", self.folder / "net.safetensors", "--captured", self.folder / "acts.h5",
                                   "--json").json()
        self.assertEqual(document["calibration"]["samples"], 12)
        self.assert_says(document["calibration"]["origin"], "acts.h5", "Network", "torch")
        found = {entry["layer"]: entry for entry in document["activations"]}
        self.assertEqual(set(found), set(expected))
        self.assertEqual(len(found), 9)
        for name, fact in expected.items():
            entry = found[name]
            self.assertEqual((entry["count"], entry["channels"], entry["tokens"]),
                             (fact["count"], fact["channels"], fact["tokens"]), name)
            for ours, torchs in (("min", "min"), ("max", "max"), ("mean", "mean"), ("standard_deviation", "std")):
                self.assertAlmostEqual(entry[ours], fact[torchs], delta=1e-6 * max(1, abs(fact["max"])), msg=f"{name} {ours}")

    def test_a_graph_run_here_on_the_captured_inputs_agrees(self):
        """The same linear layer as ONNX: qscope runs it on the recorded inputs and finds what torch saw."""
        import onnx_writer
        path = self.file("linear.onnx", onnx_writer.linear([0.5, -1, 2, 0.25], 2, 2))
        self.torch('class M(torch.nn.Module):\n'
                   '    def __init__(self):\n'
                   '        super().__init__()\n'
                   '        self.fc = torch.nn.Linear(2, 2, bias=False)\n'
                   '    def forward(self, x):\n'
                   '        return self.fc(x)\n'
                   'm = M()\n'
                   'qc.capture(m, [torch.tensor([[1., -3.], [2.5, 4.]]), torch.tensor([[0., 7.]])], "acts.h5")')
        acts = self.folder / "acts.h5"
        ran = self.run_qscope("stats", path, "--calib", acts, "--json").json()["activations"]
        read = self.run_qscope("stats", path, "--captured", acts, "--json").json()["activations"]
        self.assertEqual((read[0]["count"], read[0]["min"], read[0]["max"]), (6, -3, 7))
        self.assertAlmostEqual(read[0]["mean"], 11.5 / 6, places=14)
        for entry in read:
            del entry["origin"]
        self.assertEqual(ran, read)

    def test_limits_half_precision_and_outputs(self):
        self.torch('m = network().bfloat16()\n'
                   'qc.capture(m, [{"image": b["image"].bfloat16()} for b in batches()], "acts.h5", kinds="attention", '
                   'outputs=True, max_tokens=40, max_samples=5)\nwrite_safetensors(network(), "net.safetensors")')
        document = self.run_qscope("stats", self.folder / "net.safetensors", "--captured", self.folder / "acts.h5",
                                   "--json").json()
        self.assertEqual({entry["layer"] for entry in document["activations"]},
                         {f"blocks.{i}.attn.{name}" for i in (0, 1) for name in ("q_proj", "o_proj")})
        for entry in document["activations"]:
            self.assertEqual(entry["tokens"], 40)
            self.assert_says(entry["origin"], "the first 40 of 300 tokens")
        listing = self.torch('print(qc.describe("acts.h5"))').stdout
        self.assert_says(listing, "bfloat16", "blocks.0.attn.q_proj.output", "[5, 3, 5, 5]", "torch_version", "model_name: Network")

    def test_views_without_a_screen(self):
        self.torch('m = network()\nwrite_safetensors(m, "net.safetensors")\nqc.capture(m, batches(), "acts.h5")')
        model, acts = self.folder / "net.safetensors", self.folder / "acts.h5"
        for view in ("outliers", "tokens", "distribution", "numberline"):
            arguments = [] if view == "outliers" else ["--layer", "blocks.1.mlp.2"]
            target = self.folder / f"{view}.svg"
            self.run_qscope("render", view, model, "--captured", acts, *arguments,
                            *(["--of", "activation"] if view != "tokens" else []), "-o", target)
            self.assert_says(target.read_text(), "acts.h5")
        ranges = self.run_qscope("calibrate", model, "--captured", acts).out
        self.assert_says(ranges, "blocks.0.mlp.0", "from acts.h5 (Network")

    def test_own_loop_and_command(self):
        self.torch('m = network()\n'
                   'with qc.Capture(m.eval(), "loop.h5", kinds=["linear"], modules="mlp", model_inputs=False) as recorder:\n'
                   '    for batch in batches():\n'
                   '        m(**batch)\n'
                   'assert "forward" not in m.__dict__ and not m.conv._forward_hooks')
        outcome = subprocess.run([PYTHON, "-B", SCRIPT, "run", "--model", "network:network", "--batches", "network:batches",
                                  "-o", "made.h5"], cwd=self.folder, capture_output=True, text=True, check=False)
        self.assertEqual(outcome.returncode, 0, outcome.stderr)
        listing = subprocess.run([PYTHON, "-B", SCRIPT, "list", "loop.h5"], cwd=self.folder, capture_output=True, text=True,
                                 check=True).stdout
        self.assert_says(listing, "blocks.0.mlp.0.input", "[300, 8]")
        self.assertNotIn("calibration/inputs", listing)

    def test_what_goes_wrong_is_told_and_leaves_no_file(self):
        for code, said in (
                ('qc.capture(network(), batches(), "x.h5", modules="nothing")', "no module fits"),
                ('qc.capture(network(), batches(), "x.h5", kinds="lineal")', "there is no kind"),
                ('qc.capture(network(), [], "x.h5")', "nothing was recorded"),
                ('qc.capture(network(), batches(), "missing/x.h5")', "cannot be written"),
                ('b = list(batches()); b[1]["image"] = b[1]["image"][..., :4]\nqc.capture(network(), b, "x.h5")',
                 "shape changed"),
                ('qc.capture(5, batches(), "x.h5")', "torch.nn.Module")):
            process = self.torch(code, code_expected=1)
            self.assert_says(process.stderr, "CaptureError", said)
        self.assertFalse(list(self.folder.glob("x.h5*")))

    def test_files_that_do_not_fit(self):
        self.torch('qc.capture(network(), batches(), "acts.h5")')
        acts = self.folder / "acts.h5"
        self.assert_says(self.run_qscope("stats", CNN, "--captured", acts, code=BAD_INPUT).err, "none of its 9 activations")
        self.assert_says(self.run_qscope("stats", CNN, "--captured", GLYPHS, code=BAD_INPUT).err, "no group 'activations'")
        self.assert_says(self.run_qscope("stats", CNN, "--captured", acts, "--calib", GLYPHS, code=USAGE).err, "exclude")
        self.torch('import h5py\n'
                   'with h5py.File("acts.h5", "r+") as f:\n'
                   '    del f["activations/000003"]\n'
                   '    f["activations/000003"] = numpy.zeros(4, "float32")')
        self.assert_says(self.run_qscope("stats", CNN, "--captured", acts, code=BAD_INPUT).err, "rows and channels")
        cut = self.file("cut.h5", acts.read_bytes()[:3000])
        self.run_qscope("stats", CNN, "--captured", cut, code=BAD_INPUT)


if __name__ == "__main__":
    main()
