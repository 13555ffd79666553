#!/usr/bin/env python3
"""Writes what flows through a torch model into an HDF5 file that Quantoscope opens.

One file; needs torch (1.13 or newer) and h5py (3.7 or newer). Copy it beside your code, or import it from where the
package installs it (share/quantoscope/python).

    import quantoscope_capture as qc

    qc.capture(model, batches, "acts.h5")                 # runs the model over the batches, in eval mode, without gradients

    with qc.Capture(model, "acts.h5", kinds=["attention"], modules=r"layers\\.(0|1)\\.") as recorder:
        for batch in loader:                              # your own loop, mode and autocast
            model(**batch)

A batch is a tensor (model(x)), a tuple or list (model(*x)) or a dict (model(**x)).

What is written, and how the workbench uses it:
  calibration/inputs/NAME   what the model itself was called with: a calibration set, for models that run there
  activations/NNNNNN        what entered (or left) a module; `node_name` is the module's name in the model. The
                            workbench finds the layer of that name in an ONNX model, a Hugging Face folder or a file of
                            weights, so its views show activations even where it cannot run the model itself.

Which modules: `kinds` chooses by type: "linear" (with the Conv1D of GPT-2), "conv", "embedding", "attention" (linear
modules named like a projection: q_proj, query, qkv, c_attn, out_proj, ...), "leaf" (every module without children).
`modules` narrows that by a regular expression searched in the name. Classes may stand in `kinds`, too.

Memory stays bounded: every batch is written at once, in compressed chunks. A module keeps its first `max_tokens` rows
(convolutions: `max_samples` samples), the model's inputs their first `max_samples`. h5py holds up to 1 MiB per module.
Half precision stays float16; bfloat16 is stored as its bits (uint16, attribute logical_dtype).

On the command line: `quantoscope_capture.py list FILE` tells what a file holds, and
`quantoscope_capture.py run --model package.module:make_model --batches package.module:make_batches -o FILE` calls two
functions of yours without arguments and captures. Nothing half-written is left when something fails.
"""
import argparse
import datetime
import importlib
import inspect
import json
import os
import platform
import re
import sys
import warnings

VERSION = "1.0"
CHUNK_BYTES = 1 << 20
KINDS = ("linear", "conv", "embedding", "attention", "leaf")
PROJECTION = re.compile(r"(^|[._])(q|k|v|o|qkv|out|query|key|value|dense|c_attn|c_proj|in_proj|to_q|to_k|to_v|wq|wk|wv|wo)"
                        r"(_?proj|_?lin)?$")
ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)


class CaptureError(RuntimeError):
    """What went wrong, where, and what to do."""


def _torch():
    try:
        import torch
    except ImportError as error:
        raise CaptureError("torch is not installed for this Python; install it (Debian: python3-torch)") from error
    return torch


def _h5py():
    try:
        import h5py
    except ImportError as error:
        raise CaptureError("h5py is not installed for this Python; install it (Debian: python3-h5py)") from error
    return h5py


def kind_of(name, module):
    """The kinds that a module has by its type, "attention" also by its name."""
    torch = _torch()
    kinds = set() if any(True for _ in module.children()) else {"leaf"}
    weight = getattr(module, "weight", None)
    if isinstance(module, torch.nn.Linear) or (type(module).__name__ == "Conv1D" and weight is not None and weight.dim() == 2):
        kinds.add("linear")
        if ATTENTION.search(name) and PROJECTION.search(name):
            kinds.add("attention")
    if isinstance(module, torch.nn.modules.conv._ConvNd):
        kinds.add("conv")
    if isinstance(module, torch.nn.Embedding):
        kinds.add("embedding")
    return kinds


def choose_modules(model, kinds, modules):
    """(name, module) of every module that is wanted. CaptureError when there is none."""
    unknown = [kind for kind in kinds if not isinstance(kind, type) and kind not in KINDS]
    if unknown:
        raise CaptureError(f"there is no kind {unknown[0]!r}; choose from {', '.join(KINDS)}, or give a class")
    try:
        pattern = re.compile(modules) if modules else None
    except re.error as error:
        raise CaptureError(f"modules={modules!r} is no regular expression: {error}") from error
    wanted = set(kind for kind in kinds if not isinstance(kind, type))
    classes = tuple(kind for kind in kinds if isinstance(kind, type))
    chosen = [(name, module) for name, module in model.named_modules()
              if name and (wanted & kind_of(name, module) or isinstance(module, classes))
              and (pattern is None or pattern.search(name))]
    if not chosen:
        some = ", ".join(name for name, module in model.named_modules() if name)[:300]
        raise CaptureError(f"no module fits kinds={list(map(str, kinds))}, modules={modules!r}; the model has: {some}")
    return chosen


class _Dataset:
    """Rows appended to one data set, up to a limit."""

    def __init__(self, file, path, limit, attributes):
        self.file, self.path, self.limit, self.attributes = file, path, limit, attributes
        self.data, self.kept, self.seen, self.type = None, 0, 0, None

    def add(self, rows):
        """rows: a tensor whose axis 0 counts what is kept."""
        self.seen += rows.shape[0]
        rows = rows.detach()[:max(0, self.limit - self.kept)].to("cpu")
        if rows.shape[0] == 0:
            return
        array, logical = self._array(rows)
        if self.data is None:
            self._create(array, logical)
        if array.shape[1:] != self.data.shape[1:] or str(rows.dtype) != self.type:
            raise CaptureError(f"{self.attributes.get('tensor_name', self.path)}: the shape changed from "
                               f"{list(self.data.shape[1:])} {self.type} to {list(array.shape[1:])} {rows.dtype} between "
                               "batches. Pad or crop all batches to one size, or leave it out")
        self.data.resize(self.kept + len(array), axis=0)
        self.data[self.kept:] = array
        self.kept += len(array)

    def _array(self, rows):
        torch = _torch()
        self.type = self.type or str(rows.dtype)
        if rows.dtype == torch.bfloat16:  # numpy has none: its bits
            return rows.contiguous().view(torch.int16).numpy().view("uint16"), "bfloat16"
        if rows.dtype == torch.bool:
            return rows.to(torch.uint8).numpy(), "bool"
        if rows.is_complex() or rows.is_sparse or rows.is_quantized:
            raise CaptureError(f"{self.path}: {rows.dtype} cannot be stored; leave the module out")
        return rows.contiguous().numpy(), None

    def _create(self, array, logical):
        row = max(1, array[0].nbytes)
        chunk = (max(1, min(self.limit, CHUNK_BYTES // row)),) + array.shape[1:]
        self.data = self.file.create_dataset(self.path, shape=(0,) + array.shape[1:], maxshape=(None,) + array.shape[1:],
                                             dtype=array.dtype, chunks=chunk, shuffle=True, compression="gzip",
                                             compression_opts=4, fletcher32=True)
        if logical:
            self.data.attrs["logical_dtype"] = logical
        for name, value in self.attributes.items():
            self.data.attrs[name] = value


def _first_tensor(values):
    torch = _torch()
    for value in values if isinstance(values, (tuple, list)) else (values,):
        if isinstance(value, torch.Tensor):
            return value
    return None


def _is_channels_first(module, tensor):
    torch = _torch()
    if isinstance(module, torch.nn.modules.conv._ConvNd):
        return True
    last = (torch.nn.Linear, torch.nn.Embedding, torch.nn.LayerNorm)
    return tensor.dim() >= 4 and not isinstance(module, last) and type(module).__name__ != "Conv1D"


class Capture:
    """Records a model while it runs inside `with`. See the head of this file for the options."""

    def __init__(self, model, file, kinds=("linear", "conv"), modules=None, inputs=True, outputs=False,
                 model_inputs=True, input_names=None, max_tokens=4096, max_samples=256):
        torch = _torch()
        _check_module(torch, model)
        kinds = [kinds] if isinstance(kinds, (str, type)) else list(kinds)
        if not (inputs or outputs or model_inputs):
            raise CaptureError("nothing to record: inputs, outputs and model_inputs are all off")
        if max_tokens < 1 or max_samples < 1:
            raise CaptureError(f"max_tokens ({max_tokens}) and max_samples ({max_samples}) must be at least 1")
        self.model, self.path = model, os.fspath(file)
        self.roles = [role for role, on in (("input", inputs), ("output", outputs)) if on]
        self.chosen = choose_modules(model, kinds, modules) if self.roles else []
        self.model_inputs, self.input_names = model_inputs, dict(input_names or {})
        self.max_tokens, self.max_samples = max_tokens, max_samples
        self.options = {"kinds": [kind if isinstance(kind, str) else kind.__name__ for kind in kinds], "modules": modules,
                        "inputs": inputs, "outputs": outputs, "model_inputs": model_inputs, "max_tokens": max_tokens,
                        "max_samples": max_samples}
        self._part = self.path + ".part"

    def __enter__(self):
        h5py = _h5py()
        if self.model.training:
            warnings.warn("the model is in training mode: dropout and batch norms make other activations than in use; "
                          "call model.eval() first", stacklevel=2)
        try:
            self._file = h5py.File(self._part, "w", libver=("earliest", "v110"))
        except OSError as error:
            raise CaptureError(f"{self.path}: cannot be written ({error}); choose another folder") from error
        self._taps, self._inputs, self._handles, self._skipped = {}, {}, [], set()
        self._batch_size, self._samples = None, 0
        for name, module in self.chosen:
            self._handles.append(module.register_forward_hook(self._hook(name)))
        # A hook of torch 1.13 does not see keyword arguments, which is how most language models are called.
        self._own_forward = self.model.__dict__.get("forward")
        self._forward = self.model.forward
        self.model.forward = self._record_inputs
        return self

    def __exit__(self, kind, error, trace):
        for handle in self._handles:
            handle.remove()
        if self._own_forward is None:
            del self.model.forward
        else:
            self.model.forward = self._own_forward
        try:
            if kind is None:
                self._finish()
                self._file.close()
                os.replace(self._part, self.path)
        finally:
            self._file.close()
            if os.path.exists(self._part):
                os.remove(self._part)
        return False

    def _record_inputs(self, *args, **kwargs):
        if self.model_inputs:
            self._add_model_inputs(args, kwargs)
        return self._forward(*args, **kwargs)

    def _add_model_inputs(self, args, kwargs):
        torch = _torch()
        bound = inspect.signature(self._forward).bind(*args, **kwargs)
        named = {}
        for name, value in bound.arguments.items():
            rest = bound.signature.parameters[name].kind
            if rest is inspect.Parameter.VAR_KEYWORD:
                named.update(value)
            elif rest is inspect.Parameter.VAR_POSITIONAL:
                named.update({f"{name}.{i}": item for i, item in enumerate(value)})
            else:
                named[name] = value
        tensors = {name: value for name, value in named.items() if isinstance(value, torch.Tensor) and value.dim() > 0}
        if not tensors:
            return
        batch = next(iter(tensors.values())).shape[0]
        if self._inputs and set(tensors) - self._skipped != set(self._inputs):
            raise CaptureError(f"the model was called with {sorted(tensors)}, but before with {sorted(self._inputs)}. "
                               "Call it alike in every batch, or give model_inputs=False")
        first = not self._inputs
        for name, value in tensors.items():
            if first and value.shape[0] != batch:  # positions, caches: not one for each sample
                self._skipped.add(name)
            elif first:
                shown = self.input_names.get(name, name)
                self._inputs[name] = _Dataset(self._file, f"calibration/inputs/{len(self._inputs):06d}", self.max_samples,
                                              {"onnx_name": shown, "tensor_name": shown})
            if name in self._inputs:
                self._inputs[name].add(value)
        self._samples += batch

    def _hook(self, name):
        def hook(module, args, result):
            for role in self.roles:
                tensor = _first_tensor(args if role == "input" else result)
                if role == "input" and tensor is None:
                    raise CaptureError(f"{name} ({type(module).__name__}) is called with keyword arguments only, which a hook "
                                       "cannot see; choose its children, or inputs=False")
                if tensor.is_floating_point() and tensor.dim() > 0:
                    self._add(name, module, role, tensor)
        return hook

    def _add(self, name, module, role, tensor):
        tap = self._taps.get((name, role))
        first = _is_channels_first(module, tensor)
        if tap is None:
            attributes = {"tensor_name": f"{name}.{role}", "node_name": name, "op_type": type(module).__name__, "role": role,
                          "channel_axis": 1, "sample_axis": "sample" if first else "token"}
            tap = _Dataset(self._file, f"activations/{len(self._taps):06d}", self.max_samples if first else self.max_tokens,
                           attributes)
            self._taps[name, role] = tap
        if tensor.dtype == _torch().float64:
            tensor = tensor.float()
        tap.add(tensor if first else tensor.reshape(-1, tensor.shape[-1]))

    def _finish(self):
        torch, h5py = _torch(), _h5py()
        taps = [tap for tap in self._taps.values() if tap.data is not None]
        inputs = [source for source in self._inputs.values() if source.data is not None]
        if not taps and not inputs:
            raise CaptureError("nothing was recorded: the model was not called inside the block, or no chosen module ran")
        silent = sorted(set(name for name, module in self.chosen) - set(name for name, role in self._taps))
        if silent:
            warnings.warn(f"{len(silent)} chosen modules never ran and are left out: {', '.join(silent[:5])}", stacklevel=3)
        for tap in taps + inputs:
            tap.data.attrs["seen"] = str(tap.seen)
        content = "both" if taps and inputs else "calibration"
        root = self._file.attrs
        root["format"], root["schema_version"], root["content"] = "qwb-h5", 1, content
        root["created"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        root["producer"] = f"quantoscope_capture {VERSION}"
        root["torch_version"], root["h5py_version"] = str(torch.__version__), h5py.__version__
        root["python_version"] = platform.python_version()
        root["model_name"], root["samples"] = type(self.model).__name__, str(self._samples)
        root["hooked"] = json.dumps(self.options)
        if self._skipped:
            root["inputs_left_out"] = ", ".join(sorted(self._skipped))


def _check_module(torch, model):
    if not isinstance(model, torch.nn.Module):
        raise CaptureError(f"model must be a torch.nn.Module, not {type(model).__name__}")


def capture(model, batches, file, device=None, **options):
    """Runs `model` over `batches` in eval mode without gradients and writes `file`. Options as of Capture.

    device: where batches are moved; default: where the model's weights are.
    """
    torch = _torch()
    _check_module(torch, model)
    if device is None:
        device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))

    def moved(value):
        return value.to(device) if isinstance(value, torch.Tensor) else value

    training = model.training
    model.eval()
    try:
        with Capture(model, file, **options), torch.no_grad():
            for batch in batches:
                if isinstance(batch, dict) or hasattr(batch, "keys"):
                    model(**{name: moved(batch[name]) for name in batch.keys()})
                elif isinstance(batch, (tuple, list)):
                    model(*map(moved, batch))
                else:
                    model(moved(batch))
    finally:
        model.train(training)
    return file


def describe(file):
    """What a capture file holds, as text."""
    h5py = _h5py()
    try:
        with h5py.File(file, "r") as source:
            lines = [f"{name}: {source.attrs[name]}" for name in sorted(source.attrs)]
            for group in ("calibration/inputs", "activations"):
                for data in source.get(group, {}).values():
                    kind = data.attrs.get("logical_dtype", data.dtype)
                    lines.append(f"{group}  {data.attrs.get('tensor_name', data.name)}  {list(data.shape)} {kind}, "
                                 f"{data.attrs.get('seen', '?')} seen")
    except OSError as error:
        raise CaptureError(f"{file}: cannot be read as HDF5 ({error})") from error
    return "\n".join(lines)


def _load(text):
    module, _, name = text.partition(":")
    if not name:
        raise CaptureError(f"'{text}' is not of the form package.module:function")
    sys.path.insert(0, os.getcwd())
    try:
        return getattr(importlib.import_module(module), name)()
    except (ImportError, AttributeError) as error:
        raise CaptureError(f"'{text}' cannot be called: {error}") from error


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="tell what a file holds")
    listing.add_argument("file")
    run = commands.add_parser("run", help="call two functions of yours and capture")
    run.add_argument("--model", required=True, metavar="MODULE:FUNCTION", help="returns the torch model")
    run.add_argument("--batches", required=True, metavar="MODULE:FUNCTION", help="returns or yields batches")
    run.add_argument("-o", "--output", required=True, metavar="FILE")
    run.add_argument("--kinds", default="linear,conv", help=f"of {', '.join(KINDS)} (default: %(default)s)")
    run.add_argument("--modules", metavar="REGEX", help="only modules whose name matches")
    run.add_argument("--outputs", action="store_true", help="also what leaves the modules")
    run.add_argument("--max-tokens", type=int, default=4096, help="rows per module (default: %(default)s)")
    run.add_argument("--max-samples", type=int, default=256, help="samples per model input (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        if options.command == "list":
            print(describe(options.file))
            return 0
        capture(_load(options.model), _load(options.batches), options.output, kinds=options.kinds.split(","),
                modules=options.modules, outputs=options.outputs, max_tokens=options.max_tokens,
                max_samples=options.max_samples)
        print(f"{options.output}: written; open it in Quantoscope with the model")
        return 0
    except CaptureError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
