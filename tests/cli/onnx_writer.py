"""Writes small ONNX files byte by byte, so that tests need no ONNX library. Field numbers are those of onnx.proto."""
import struct

FLOAT, INT64, STRING, BOOL = 1, 7, 8, 9


def _varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def _number(field, value):
    return _varint(field << 3) + _varint(value)


def _bytes(field, data):
    data = data.encode() if isinstance(data, str) else data
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def tensor(name, dims, values):
    """A float32 initializer."""
    data = b"".join(_number(1, d) for d in dims) + _number(2, FLOAT) + _bytes(8, name)
    return data + _bytes(9, struct.pack(f"<{len(values)}f", *values))


def value(name, dims, dtype=FLOAT):
    """A graph input or output; a string in `dims` is a symbolic dimension."""
    shape = b"".join(_bytes(1, _bytes(2, d) if isinstance(d, str) else _number(1, d)) for d in dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, dtype) + _bytes(2, shape)))


def node(op_type, inputs, outputs, name, domain=""):
    data = b"".join(_bytes(1, i) for i in inputs) + b"".join(_bytes(2, o) for o in outputs)
    return data + _bytes(3, name) + _bytes(4, op_type) + (_bytes(7, domain) if domain else b"")


def model(nodes, inputs, outputs, initializers=(), opset=17, domains=()):
    graph = b"".join(_bytes(1, n) for n in nodes) + _bytes(2, "test") + b"".join(_bytes(5, t) for t in initializers)
    graph += b"".join(_bytes(11, i) for i in inputs) + b"".join(_bytes(12, o) for o in outputs)
    opsets = _bytes(8, _bytes(1, "") + _number(2, opset))
    opsets += b"".join(_bytes(8, _bytes(1, domain) + _number(2, 1)) for domain in domains)
    return _number(1, 8) + opsets + _bytes(7, graph)


def linear(weights, rows, cols, shape=("n", 2), dtype=FLOAT, name="x"):
    """y = x · W with W [rows, cols] as stored: one layer named `fc`."""
    return model([node("MatMul", [name, "w"], ["y"], "fc")], [value(name, shape, dtype)], [value("y", ["n", cols])],
                 [tensor("w", [rows, cols], weights)])


def with_missing_operator():
    """A layer that exists and an operator that does not."""
    return model([node("MatMul", ["x", "w"], ["h"], "fc"), node("Wobble", ["h"], ["y"], "wobbly", "com.example")],
                 [value("x", ["n", 2])], [value("y", ["n", 2])], [tensor("w", [2, 2], [1, 2, 3, 4])],
                 domains=["com.example"])
