#include "core/io/architectures/graph_writer.h"

#include "core/graph/layer.h"
#include "core/tensor/convert.h"

#include <charconv>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr std::int64_t kOpset = 17, kIrVersion = 8;

bool isNumber(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// [out, in] as the [in, out] that MatMul reads.
Tensor transposed(const Tensor &matrix) {
    Layer layout;
    layout.transposed = true;
    layout.outChannels = matrix.shape()[0];
    layout.inPerOut = matrix.shape()[1];
    layout.weightShape = Shape{layout.inPerOut, layout.outChannels};
    return toStoredLayout(layout, matrix);
}

void describe(GraphBuilder &builder, ValueId id, DType type, const std::vector<std::string> &dims) {
    std::vector<std::int64_t> sizes;
    std::vector<std::string> names;
    for (const std::string &dim : dims) {
        std::int64_t size = -1;
        const bool known = std::from_chars(dim.data(), dim.data() + dim.size(), size).ec == std::errc();
        sizes.push_back(known ? size : -1);
        names.push_back(known ? std::string() : dim);
    }
    builder.describe(id, type, Shape(std::move(sizes)), std::move(names));
}

} // namespace

std::string nodePath(const std::string &module) {
    std::string path;
    for (std::size_t begin = 0; begin < module.size();) {
        const std::size_t end = std::min(module.find('.', begin), module.size());
        const std::string part = module.substr(begin, end - begin);
        path += (isNumber(part) && !path.empty() ? "." : "/") + part;
        begin = end + 1;
    }
    return path;
}

GraphWriter::GraphWriter(std::string modelName, TensorLookup lookup, RunContext ctx)
    : m_lookup(std::move(lookup)), m_ctx(std::move(ctx)) {
    m_builder.setName(std::move(modelName), "Quantoscope, from the configuration");
    m_builder.setIrVersion(kIrVersion);
    m_builder.setOpset("", kOpset);
}

void GraphWriter::note(Status status) {
    if (m_status)
        m_status = std::move(status);
}

void GraphWriter::refuse(ErrorCode code, const std::string &what, const std::string &where) {
    note(fail(code, what, where));
}

ValueId GraphWriter::input(const std::string &name, DType type, const std::vector<std::string> &dims) {
    const ValueId id = m_builder.value(name);
    describe(m_builder, id, type, dims);
    m_builder.addInput(id);
    return id;
}

void GraphWriter::output(const std::string &name, ValueId value, const std::vector<std::string> &dims) {
    Node node;
    node.name = uniqueName("", "Identity");
    node.opType = "Identity";
    node.inputs = {value};
    node.outputs = {m_builder.value(name)};
    describe(m_builder, node.outputs[0], DType::Float32, dims);
    m_builder.addOutput(node.outputs[0]);
    note(m_builder.addNode(std::move(node)));
}

std::string GraphWriter::uniqueName(const std::string &module, const std::string &opType) {
    const std::string name = nodePath(module) + "/" + opType;
    std::string unique = name;
    for (int copy = 1; !m_names.insert(unique).second; ++copy)
        unique = fmt::format("{}_{}", name, copy);
    return unique;
}

ValueId GraphWriter::op(const std::string &module, const std::string &opType, std::vector<ValueId> inputs,
                        Attributes attributes) {
    Node node;
    node.name = uniqueName(module, opType);
    node.opType = opType;
    node.inputs = std::move(inputs);
    node.attributes = std::move(attributes);
    const ValueId output = m_builder.value(node.name + "_output_0");
    node.outputs = {output};
    note(m_builder.addNode(std::move(node)));
    return output;
}

std::vector<ValueId> GraphWriter::split(const std::string &module, ValueId x,
                                        const std::vector<std::int64_t> &sizes) {
    Node node;
    node.name = uniqueName(module, "Split");
    node.opType = "Split";
    node.inputs = {x, ints(sizes)};
    node.attributes["axis"] = std::int64_t{-1};
    for (std::size_t i = 0; i < sizes.size(); ++i)
        node.outputs.push_back(m_builder.value(fmt::format("{}_output_{}", node.name, i)));
    const std::vector<ValueId> outputs = node.outputs;
    note(m_builder.addNode(std::move(node)));
    return outputs;
}

ValueId GraphWriter::constant(const std::string &name, Tensor tensor) {
    const ValueId id = m_builder.value(name);
    note(m_builder.addConstant(id, std::move(tensor)));
    return id;
}

ValueId GraphWriter::ints(const std::vector<std::int64_t> &values) {
    const auto known = m_ints.find(values);
    if (known != m_ints.end())
        return known->second;
    const Shape shape{static_cast<std::int64_t>(values.size())};
    const ValueId id =
        constant(uniqueName("", "Constant"), Tensor::fromValues<std::int64_t>(shape, std::span(values)));
    return m_ints.emplace(values, id).first->second;
}

ValueId GraphWriter::number(double value) {
    const auto known = m_numbers.find(value);
    if (known != m_numbers.end())
        return known->second;
    const ValueId id = constant(uniqueName("", "Constant"), Tensor::scalar(static_cast<float>(value)));
    return m_numbers.emplace(value, id).first->second;
}

const Tensor *GraphWriter::required(const std::string &name, const Shape &shape) {
    if (m_ctx.cancelled())
        note(RunContext::cancelledError());
    if (!m_status)
        return nullptr;
    const Tensor *tensor = m_lookup(name);
    if (!tensor)
        refuse(ErrorCode::NotFound, "is missing, which the network needs", name);
    else if (tensor->shape() != shape)
        refuse(ErrorCode::CorruptFile,
               fmt::format("has shape {}, but the settings of the model ask for {}", tensor->shape().text(),
                           shape.text()),
               name);
    return m_status ? tensor : nullptr;
}

ValueId GraphWriter::parameter(const std::string &name, const Shape &shape) {
    const ValueId id = m_builder.value(name);
    if (const Tensor *tensor = required(name, shape)) {
        auto floats = toFloat32(*tensor);
        note(floats ? m_builder.addConstant(id, std::move(*floats))
                    : fail(std::move(floats).error().withContext(name)));
    }
    return id;
}

ValueId GraphWriter::transposedParameter(const std::string &name, const Shape &shape,
                                         const std::string &constantName) {
    const ValueId id = m_builder.value(constantName);
    if (const Tensor *tensor = required(name, shape)) {
        const auto floats = toFloat32(*tensor);
        note(floats ? m_builder.addConstant(id, transposed(*floats))
                    : fail(floats.error().withContext(name)));
    }
    return id;
}

Result<ModelGraph> GraphWriter::finish() && {
    if (!m_status)
        return fail(std::move(m_status).error());
    return std::move(m_builder).finish();
}

} // namespace qs
