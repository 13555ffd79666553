"""Writes small ONNX files byte by byte, so that tests need no ONNX library. Field numbers are those of onnx.proto."""
import struct

FLOAT, UINT8, INT8, INT32, INT64, STRING, BOOL = 1, 2, 3, 6, 7, 8, 9


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


def raw_tensor(name, dims, dtype, raw):
    """An initializer of any type from its bytes."""
    return b"".join(_number(1, d) for d in dims) + _number(2, dtype) + _bytes(8, name) + _bytes(9, raw)


def sparse_tensor(name, dims, values, positions):
    """A float32 sparse initializer; positions count in C order."""
    indices = raw_tensor("", [len(positions)], INT64, struct.pack(f"<{len(positions)}q", *positions))
    return _bytes(1, tensor(name, [len(values)], values)) + _bytes(2, indices) + b"".join(_number(3, d) for d in dims)


def external_tensor(name, dims, location, offset=0):
    """A float32 initializer whose bytes lie in another file."""
    entries = {"location": location, "offset": str(offset)}
    data = b"".join(_number(1, d) for d in dims) + _number(2, FLOAT) + _bytes(8, name)
    return data + b"".join(_bytes(13, _bytes(1, k) + _bytes(2, v)) for k, v in entries.items()) + _number(14, 1)


def attribute(name, value):
    """An attribute of a node: int, float, str, a list of int, or a graph as graph() gives it."""
    if isinstance(value, bytes):
        return _bytes(1, name) + _bytes(6, value) + _number(20, 5)
    if isinstance(value, str):
        return _bytes(1, name) + _bytes(4, value) + _number(20, 3)
    if isinstance(value, float):
        return _bytes(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    if isinstance(value, int):
        return _bytes(1, name) + _number(3, value) + _number(20, 2)
    return _bytes(1, name) + b"".join(_number(8, v) for v in value) + _number(20, 7)


def value(name, dims, dtype=FLOAT):
    """A graph input or output; a string in `dims` is a symbolic dimension."""
    shape = b"".join(_bytes(1, _bytes(2, d) if isinstance(d, str) else _number(1, d)) for d in dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, dtype) + _bytes(2, shape)))


def node(op_type, inputs, outputs, name, domain="", attributes=()):
    data = b"".join(_bytes(1, i) for i in inputs) + b"".join(_bytes(2, o) for o in outputs)
    data += _bytes(3, name) + _bytes(4, op_type) + b"".join(_bytes(5, a) for a in attributes)
    return data + (_bytes(7, domain) if domain else b"")


def graph(nodes, inputs, outputs, initializers=(), sparse=()):
    data = b"".join(_bytes(1, n) for n in nodes) + _bytes(2, "test") + b"".join(_bytes(5, t) for t in initializers)
    data += b"".join(_bytes(15, t) for t in sparse)
    return data + b"".join(_bytes(11, i) for i in inputs) + b"".join(_bytes(12, o) for o in outputs)


def function(domain, name, inputs, outputs, nodes, opset=17):
    data = _bytes(1, name) + b"".join(_bytes(4, i) for i in inputs) + b"".join(_bytes(5, o) for o in outputs)
    data += b"".join(_bytes(7, n) for n in nodes) + _bytes(9, _bytes(1, "") + _number(2, opset))
    return data + _bytes(10, domain)


def model(nodes, inputs, outputs, initializers=(), opset=17, domains=(), sparse=(), functions=()):
    opsets = _bytes(8, _bytes(1, "") + _number(2, opset))
    opsets += b"".join(_bytes(8, _bytes(1, domain) + _number(2, 1)) for domain in domains)
    content = _bytes(7, graph(nodes, inputs, outputs, initializers, sparse))
    return _number(1, 8) + opsets + content + b"".join(_bytes(25, f) for f in functions)


def linear(weights, rows, cols, shape=("n", 2), dtype=FLOAT, name="x"):
    """y = x · W with W [rows, cols] as stored: one layer named `fc`."""
    return model([node("MatMul", [name, "w"], ["y"], "fc")], [value(name, shape, dtype)], [value("y", ["n", cols])],
                 [tensor("w", [rows, cols], weights)])


def with_missing_operator():
    """A layer that exists and an operator that does not."""
    return model([node("MatMul", ["x", "w"], ["h"], "fc"), node("Wobble", ["h"], ["y"], "wobbly", "com.example")],
                 [value("x", ["n", 2])], [value("y", ["n", 2])], [tensor("w", [2, 2], [1, 2, 3, 4])],
                 domains=["com.example"])
