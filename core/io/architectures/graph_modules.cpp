#include "core/io/architectures/graph_writer.h"

#include "core/graph/stored_weight.h"

#include <cmath>
#include <numbers>

namespace qs {
namespace {

/// A node remembers in which blocks or type the weight that it reads was stored.
GraphWriter::Attributes storedIn(const Tensor *tensor) {
    if (!tensor || tensor->dtype() == DType::Float32)
        return {};
    return {{kStoredWeight, *tensor}};
}

} // namespace

// The modules that networks are made of, as operators.

ValueId GraphWriter::linear(const std::string &module, ValueId x, std::int64_t in, std::int64_t out,
                            Bias bias) {
    const std::string weight = module + ".weight";
    const ValueId product = op(module, "MatMul", {x, transposedParameter(weight, Shape{out, in}, weight)},
                               storedIn(m_lookup(weight)));
    return bias == Bias::No ? product : add(module, parameter(module + ".bias", Shape{out}), product);
}

ValueId GraphWriter::tiedHead(const std::string &module, ValueId x, const std::string &table, std::int64_t in,
                              std::int64_t out) {
    return op(module, "MatMul", {x, transposedParameter(table, Shape{out, in}, module + ".weight")},
              storedIn(m_lookup(table)));
}

ValueId GraphWriter::embedding(const std::string &module, ValueId indices, std::int64_t rows,
                               std::int64_t width) {
    return op(module, "Gather", {parameter(module + ".weight", Shape{rows, width}), indices},
              storedIn(m_lookup(module + ".weight")));
}

ValueId GraphWriter::layerNorm(const std::string &module, ValueId x, std::int64_t width, double epsilon) {
    // Old BERT files call the parameters gamma and beta.
    const bool old = !has(module + ".weight") && has(module + ".gamma");
    const ValueId gain = parameter(module + (old ? ".gamma" : ".weight"), Shape{width});
    const ValueId shift = parameter(module + (old ? ".beta" : ".bias"), Shape{width});
    return op(module, "LayerNormalization", {x, gain, shift},
              {{"axis", std::int64_t{-1}}, {"epsilon", static_cast<double>(static_cast<float>(epsilon))}});
}

ValueId GraphWriter::rmsNorm(const std::string &module, ValueId x, std::int64_t width, double epsilon) {
    const ValueId squares = op(module, "Pow", {x, number(2)});
    const ValueId mean = op(module, "ReduceMean", {squares},
                            {{"axes", std::vector<std::int64_t>{-1}}, {"keepdims", std::int64_t{1}}});
    const ValueId root = op(module, "Sqrt", {add(module, mean, number(epsilon))});
    const ValueId normalized = mul(module, x, op(module, "Div", {number(1), root}));
    return mul(module, normalized, parameter(module + ".weight", Shape{width}));
}

ValueId GraphWriter::activation(const std::string &module, const std::string &name, ValueId x) {
    const auto halfOnePlus = [&](ValueId y) { // x (1 + y) / 2
        return mul(module, mul(module, x, add(module, y, number(1))), number(0.5));
    };
    if (name == "relu")
        return op(module, "Relu", {x});
    if (name == "silu" || name == "swish")
        return mul(module, x, op(module, "Sigmoid", {x}));
    if (name == "quick_gelu")
        return mul(module, x, op(module, "Sigmoid", {mul(module, x, number(1.702))}));
    if (name == "gelu")
        return halfOnePlus(op(module, "Erf", {op(module, "Div", {x, number(std::numbers::sqrt2)})}));
    if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh") {
        const ValueId cube = mul(module, op(module, "Pow", {x, number(3)}), number(0.044715));
        const ValueId inner = mul(module, add(module, x, cube), number(std::sqrt(2 / std::numbers::pi)));
        return halfOnePlus(op(module, "Tanh", {inner}));
    }
    refuse(ErrorCode::Unsupported, "the activation function '" + name.substr(0, 40) + "' is not known here",
           module);
    return x;
}

} // namespace qs
