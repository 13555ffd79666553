"""The programs work from where they are installed, and the desktop knows them."""
import configparser
import os
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as xml

from cli_case import *

BUILD = os.environ["QS_BUILD"]


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="qs-install-")
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.root], check=True, capture_output=True)

    def qscope(self, *arguments):
        return subprocess.run([self.root / "bin/qscope", *arguments], check=True, capture_output=True, text=True).stdout

    def test_plugins_devices_and_samples_are_found(self):
        self.assertIn("gptq", self.qscope("plugins", "list"))
        sample = self.root / "share/quantoscope/sample-data/glyph-cnn.onnx"
        self.assertIn("fc", self.qscope("info", sample))
        self.assertIn("nvidia", self.qscope("roofline", sample, "--hardware", "nvidia_h100_sxm").lower())

    def test_desktop_entry_names_what_is_installed(self):
        share = self.root / "share"
        if not (self.root / "bin/quantoscope").exists():
            self.skipTest("built without the window")
        entry = configparser.ConfigParser(interpolation=None)
        entry.optionxform = str
        entry.read(share / "applications/quantoscope.desktop")
        entry = entry["Desktop Entry"]
        self.assertTrue((self.root / "bin" / entry["Exec"].split()[0]).exists())
        self.assertTrue((share / f"icons/hicolor/scalable/apps/{entry['Icon']}.svg").exists())
        name = "{http://www.freedesktop.org/standards/shared-mime-info}"
        types = {kind.get("type"): kind for kind in xml.parse(share / "mime/packages/quantoscope.xml").iter(name + "mime-type")}
        self.assertLessEqual(set(types), set(entry["MimeType"].split(";")))
        project = types["application/x-quantoscope-project"]
        self.assertEqual(project.find(name + "glob").get("pattern"), "*.qscope")
        magic = project.find(f"{name}magic/{name}match").get("value")
        work = self.root / "work.qscope"
        self.qscope("quantize", CNN, "--bits", "4", "--project", work)
        self.assertTrue(work.read_bytes().startswith(magic.encode()))
        self.assertEqual(xml.parse(share / "metainfo/quantoscope.metainfo.xml").find("launchable").text,
                         "quantoscope.desktop")


if __name__ == "__main__":
    main()
