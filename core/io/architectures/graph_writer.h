#pragma once

#include "core/base/run_context.h"
#include "core/graph/model_graph.h"

#include <functional>
#include <set>

namespace qs {

/// The tensor of a checkpoint by the name that a builder uses ("layers.0.self_attn.q_proj.weight"); nullptr
/// when there is none. The tensor must live until the call after the next. \see LlamaConfig for the names
using TensorLookup = std::function<const Tensor *(const std::string &name)>;

/// Writes the graph of a known network with operators of ONNX opset 17, named as exporters name them: the
/// module "layers.0.self_attn.q_proj" gives the node "/layers.0/self_attn/q_proj/MatMul", so that layers,
/// blocks, attention and residual streams are found as in an exported model. Parameters become float32
/// constants under their names, those of linear layers transposed as MatMul reads them. The first error
/// sticks; finish() returns it.
class GraphWriter {
public:
    using Attributes = std::map<std::string, Attribute>;
    enum class Bias { No, Yes };

    GraphWriter(std::string modelName, TensorLookup lookup, RunContext ctx);

    /// \param dims  a name for each dimension that is not known, a number for each that is
    ValueId input(const std::string &name, DType type, const std::vector<std::string> &dims);
    void output(const std::string &name, ValueId value, const std::vector<std::string> &dims);
    void refuse(ErrorCode code, const std::string &what, const std::string &where);

    /// An operator with one output. An empty list of inputs and kNoValue are allowed.
    ValueId op(const std::string &module, const std::string &opType, std::vector<ValueId> inputs,
               Attributes attributes = {});
    std::vector<ValueId> split(const std::string &module, ValueId x, const std::vector<std::int64_t> &sizes);
    ValueId constant(const std::string &name, Tensor tensor);
    ValueId ints(const std::vector<std::int64_t> &values); ///< shape [n]; equal ones are shared
    ValueId number(double value);                          ///< float32 scalar; equal ones are shared

    bool has(const std::string &name) const { return m_lookup(name) != nullptr; }
    /// A parameter as float32. \error NotFound  no such tensor;  CorruptFile  another shape
    ValueId parameter(const std::string &name, const Shape &shape);
    /// The parameter [rows, cols] as constant [cols, rows] with the name `constantName`.
    ValueId transposedParameter(const std::string &name, const Shape &shape, const std::string &constantName);

    /// x Wᵀ + b with <module>.weight [out, in] and <module>.bias [out].
    ValueId linear(const std::string &module, ValueId x, std::int64_t in, std::int64_t out, Bias bias);
    /// The same with a weight that another module owns: a head tied to the embedding [out, in].
    ValueId tiedHead(const std::string &module, ValueId x, const std::string &table, std::int64_t in,
                     std::int64_t out);
    ValueId embedding(const std::string &module, ValueId indices, std::int64_t rows, std::int64_t width);
    ValueId layerNorm(const std::string &module, ValueId x, std::int64_t width, double epsilon);
    ValueId rmsNorm(const std::string &module, ValueId x, std::int64_t width, double epsilon);
    /// \param name  relu, silu, swish, gelu, gelu_new, gelu_fast, gelu_pytorch_tanh, quick_gelu
    ValueId activation(const std::string &module, const std::string &name, ValueId x);
    ValueId add(const std::string &module, ValueId a, ValueId b) { return op(module, "Add", {a, b}); }
    ValueId mul(const std::string &module, ValueId a, ValueId b) { return op(module, "Mul", {a, b}); }

    Result<ModelGraph> finish() &&;
    const RunContext &context() const { return m_ctx; }

private:
    std::string uniqueName(const std::string &module, const std::string &opType);
    const Tensor *required(const std::string &name, const Shape &shape);
    void note(Status status);

    GraphBuilder m_builder;
    TensorLookup m_lookup;
    RunContext m_ctx;
    Status m_status;
    std::set<std::string> m_names;
    std::map<std::vector<std::int64_t>, ValueId> m_ints;
    std::map<double, ValueId> m_numbers;
};

/// "layers.0.self_attn" → "/layers.0/self_attn".
std::string nodePath(const std::string &module);

} // namespace qs
