import struct

import onnx_writer
from cli_case import *

FEW = ["--calib", GLYPHS, "--calib-samples", "8"]


class Render(CliCase):
    def draw(self, view, *arguments, name="x.png", model=CNN, code=OK):
        output = self.folder / name
        outcome = self.run_qscope("render", view, model, *arguments, "-o", output, code=code)
        return output.read_bytes() if code == OK else outcome

    def assert_png(self, data, size=None):
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        self.assertGreater(len(data), 5000, "an empty sheet compresses to less")
        if size:
            self.assertEqual(struct.unpack(">II", data[16:24]), size)

    def test_every_view(self):
        self.assert_png(self.draw("distribution", "--layer", "m.fc", "--bits", "4", "--size", "1200x700"), (1200, 700))
        self.assert_png(self.draw("distribution", "--of", "activation", "--layer", "m.fc", "--activations", "int8", *FEW))
        self.assert_png(self.draw("outliers", *FEW))
        self.assert_png(self.draw("outliers"))
        self.assert_png(self.draw("tokens", "--layer", "m.fc", *FEW))
        self.assert_png(self.draw("layer-error", "--bits", "4", *FEW))
        self.assert_png(self.draw("sensitivity", *FEW, "--sensitivity-bits", "4", "--metric", "kl"))

    def test_graph(self):
        self.assert_png(self.draw("graph"))
        self.assertNotEqual(self.draw("graph", "--boxes", "0"), self.draw("graph", "--boxes", "1000"))
        for metric in ["parameters", "bits", "weight-sqnr"]:
            self.assert_png(self.draw("graph", "--color-by", metric))
        for metric in ["output-sqnr", "accumulated-sqnr", "time", "outliers"]:
            self.assert_png(self.draw("graph", "--color-by", metric, *FEW))
        self.assert_says(self.draw("graph", "--color-by", "time", code=USAGE).err, "--eval")
        self.assert_says(self.draw("graph", "--color-by", "output-sqnr", code=USAGE).err, "--eval")
        missing = self.file("m.onnx", onnx_writer.with_missing_operator())
        self.assert_png(self.draw("graph", model=missing))

    def test_tensor(self):
        few = ["--layer", "m.fc", "--bits", "4", "--granularity", "group", "--group-size", "16"]
        pictures = [self.draw("tensor", *few, "--of", what) for what in ["weight", "codes", "dequantized", "error"]]
        self.assertEqual(len(set(pictures)), 4)
        for picture in pictures:
            self.assert_png(picture, (1200, 800))
        self.assertIn(b"<svg", self.draw("tensor", *few, "--of", "error", name="x.svg"))
        self.assertEqual(self.draw("tensor", name="x.pdf")[:5], b"%PDF-")
        self.assert_says(self.draw("tensor", "--of", "activation", code=USAGE).err, "dequantized")
        self.assert_says(self.draw("outliers", "--of", "codes", code=USAGE).err, "tensor")

    def test_formats_theme_and_scale(self):
        self.assertIn(b"<svg", self.draw("outliers", name="x.svg"))
        self.assertEqual(self.draw("outliers", name="x.pdf")[:5], b"%PDF-")
        light = self.draw("outliers", "--size", "600x400")
        dark = self.draw("outliers", "--size", "600x400", "--theme", "dark")
        self.assertNotEqual(light, dark)
        self.assert_png(self.draw("outliers", "--size", "600x400", "--scale", "2"), (1200, 800))

    def test_physical_size_background_and_caption(self):
        sheet = ["--size", "85x60mm", "--dpi", "300", "--text-size", "7"]
        clear = self.draw("outliers", *sheet, "--transparent")
        self.assert_png(clear, (1004, 709))
        self.assertEqual(clear[25], 6, "colour type: RGB with alpha")
        self.assertIn(b"pHYs" + struct.pack(">II", 11811, 11811) + b"\x01", clear)
        self.assert_png(self.draw("outliers", "--size", "4x3in"), (384, 288))
        svg = self.draw("outliers", *sheet, "--no-heading", "--caption", "Figure 3 of x", name="x.svg")
        self.assertIn(b'width="85mm" height="60mm"', svg)
        self.assertIn(b">Figure 3 of x</text>", svg)
        self.assertNotIn(b">Outlier map", svg)
        self.assertNotIn(b"SHA-256", self.draw("outliers", "--no-caption", name="x.svg"))
        self.assertIn(b"SHA-256", self.draw("outliers", name="x.svg"))

    def test_tables(self):
        for view, head in [
            ("outliers", "layer,channel,largest magnitude"),
            ("graph", "kind,node,title,subtitle,quantization,value"),
            ("distribution", "from,to,float"),
            ("layer-error", "layer,weight SQNR dB,output SQNR dB,effective bits"),
        ]:
            lines = self.draw(view, *(FEW if view == "layer-error" else []), name="x.csv").decode().splitlines()
            self.assertTrue(lines[0].startswith("# quantoscope"), lines[0])
            lines = [line for line in lines if not line.startswith("#")]
            self.assertTrue(lines[0].startswith(head), lines[0])
            self.assertGreater(len(lines), 10)

    def test_wrong_usage_writes_nothing(self):
        self.assert_says(self.draw("outliers", name="x.bmp", code=USAGE).err, ".png")
        self.assert_says(self.draw("outliers", "--size", "huge", code=USAGE).err, "1200x700")
        self.assert_says(self.draw("outliers", "--size", "85x60cm", code=USAGE).err, "178x120mm")
        self.assert_says(self.draw("outliers", "--size", "5x5", code=USAGE).err, "5x5")
        self.assert_says(self.draw("tokens", code=USAGE).err, "--calib")
        self.assert_says(self.draw("distribution", "--layer", "m.fx", code=USAGE).err, "m.fx", "m.fc")
        self.assert_says(self.draw("distribution", "--layer", "m.fc", "--channel", "99999", code=BAD_INPUT).err, "99999")
        self.assertEqual(self.files(), [])

    def test_unwritable_path(self):
        self.assert_says(self.run_qscope("render", "outliers", CNN, "-o", "/nowhere/x.png", code=IO).err, "/nowhere/x.png")


if __name__ == "__main__":
    main()
