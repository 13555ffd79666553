#include "core/io/importers/onnx_graph.h"

#include "core/io/safe_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <onnx/onnx_pb.h>

namespace qs {
namespace {

constexpr std::int64_t kNewestIr = 13;
constexpr std::int64_t kNewestOpset = 26;

/// Declared type and shape of a value, where they are those of a tensor.
Status describe(const onnx::ValueInfoProto &info, GraphBuilder &builder) {
    if (!info.type().has_tensor_type())
        return {};
    const ValueId id = builder.value(safeName(info.name()));
    const auto &type = info.type().tensor_type();
    const DType dtype =
        isKnownDType(type.elem_type()) ? static_cast<DType>(type.elem_type()) : DType::Undefined;
    if (!type.has_shape()) {
        builder.describeType(id, dtype);
        return {};
    }
    std::vector<std::int64_t> dims, known;
    std::vector<std::string> names;
    for (const auto &dim : type.shape().dim()) {
        // A negative size is how some exporters write "unknown".
        const bool isKnown = dim.has_dim_value() && dim.dim_value() >= 0;
        dims.push_back(isKnown ? dim.dim_value() : -1);
        known.push_back(isKnown ? dim.dim_value() : 1);
        names.push_back(safeName(dim.dim_param()));
    }
    if (auto size = Shape(known).checkedNumel(); !size)
        return fail(std::move(size).error().withContext(safeName(info.name())));
    builder.describe(id, dtype, Shape(std::move(dims)), std::move(names));
    return {};
}

} // namespace

std::string OnnxGraphReader::Examples::text() const {
    const std::string names = fmt::format("'{}'", fmt::join(first, "', '"));
    return count > first.size() ? fmt::format("{} and {} more", names, count - first.size()) : names;
}

Result<ModelGraph> OnnxGraphReader::read(onnx::ModelProto &model) {
    if (!model.has_graph())
        return fail(ErrorCode::CorruptFile,
                    "it contains no graph. Was the file cut short? Copy or export it again");
    m_irVersion = model.ir_version();
    for (const auto &import : model.opset_import())
        m_opsets[normalOnnxDomain(import.domain())] = import.version();
    checkVersions(model);
    GraphBuilder builder = newBuilder();
    builder.setName(safeName(model.graph().name()),
                    safeName(model.producer_name() + (model.producer_version().empty() ? "" : " ") +
                             model.producer_version()));
    Scope scope;
    auto graph = readGraph(*model.mutable_graph(), std::move(builder), scope);
    reportOddities();
    return graph;
}

void OnnxGraphReader::checkVersions(const onnx::ModelProto &model) {
    const std::string action = "check the results, or export the model again for an older version";
    if (m_irVersion > kNewestIr)
        m_findings.add(Severity::Warning,
                       fmt::format("the file has IR version {}; this program knows versions up to {}",
                                   m_irVersion, kNewestIr),
                       safeName(model.graph().name()), action);
    if (!m_opsets.contains("")) {
        m_opsets[""] = 1; // what files without an import meant, before IR version 3
        m_findings.add(Severity::Warning, "the file names no opset version; version 1 is assumed",
                       safeName(model.graph().name()), "export the model again");
    }
    if (m_opsets[""] > kNewestOpset)
        m_findings.add(Severity::Warning,
                       fmt::format("the file uses opset {}; this program knows operators up to opset {}",
                                   m_opsets[""], kNewestOpset),
                       safeName(model.graph().name()), action);
}

GraphBuilder OnnxGraphReader::newBuilder() const {
    GraphBuilder builder;
    builder.setIrVersion(m_irVersion);
    for (const auto &[domain, version] : m_opsets)
        builder.setOpset(domain, version);
    return builder;
}

Result<ModelGraph> OnnxGraphReader::readGraph(onnx::GraphProto &graph, GraphBuilder builder, Scope &scope) {
    defineNames(graph, scope);
    QS_CHECK_OK(readInputs(graph, builder, scope));
    QS_CHECK_OK(readInitializers(graph, builder, scope));
    for (auto &node : *graph.mutable_node())
        QS_CHECK_OK(readNode(node, builder, scope));
    QS_CHECK_OK(readOutputs(graph, builder, scope));
    return std::move(builder).finish({scope.captured.begin(), scope.captured.end()});
}

/// Nodes may stand in any order, so all names are known before the first node is read.
void OnnxGraphReader::defineNames(const onnx::GraphProto &graph, Scope &scope) {
    for (const auto &input : graph.input())
        define(scope, input.name());
    for (const auto &tensor : graph.initializer())
        define(scope, tensor.name());
    for (const auto &tensor : graph.sparse_initializer())
        define(scope, tensor.values().name());
    for (const auto &node : graph.node()) {
        for (const auto &output : node.output()) {
            define(scope, output);
            if (!isOnnxConstant(node))
                scope.produced.insert(safeName(output));
        }
    }
}

void OnnxGraphReader::define(Scope &scope, const std::string &name) {
    const std::string safe = safeName(name);
    if (safe.empty() || !scope.defined.insert(safe).second)
        return;
    for (const Scope *outer = scope.outer; outer; outer = outer->outer)
        if (outer->defined.contains(safe)) {
            m_shadowed.add(safe);
            return;
        }
}

/// The value behind a name that a node or output reads; notes where it comes from an outer graph.
ValueId OnnxGraphReader::readName(GraphBuilder &builder, Scope &scope, const std::string &name) {
    const std::string safe = safeName(name);
    if (!safe.empty() && !scope.defined.contains(safe)) {
        const Scope *outer = scope.outer;
        while (outer && !outer->defined.contains(safe))
            outer = outer->outer;
        if (outer)
            scope.captured.insert(safe);
    }
    return builder.value(safe);
}

Status OnnxGraphReader::readInputs(const onnx::GraphProto &graph, GraphBuilder &builder, Scope &scope) {
    for (const auto &input : graph.input()) {
        const std::string name = safeName(input.name());
        if (name.empty() || !scope.inputs.insert(name).second)
            return fail(ErrorCode::CorruptFile, "a graph input has no name, or one that another input has",
                        name);
        builder.addInput(builder.value(name));
        QS_CHECK_OK(describe(input, builder));
    }
    return {};
}

Status OnnxGraphReader::readInitializers(onnx::GraphProto &graph, GraphBuilder &builder, Scope &scope) {
    const std::int64_t count = graph.initializer_size();
    for (std::int64_t i = 0; i < count; ++i) {
        if (m_ctx.cancelled())
            return RunContext::cancelledError();
        if (scope.depth == 0)
            m_ctx.step(i, count, "reading weights");
        auto &tensor = *graph.mutable_initializer(static_cast<int>(i));
        QS_CHECK_OK(addConstant(builder, tensor.name(), readOnnxTensor(tensor, m_external)));
    }
    for (auto &tensor : *graph.mutable_sparse_initializer()) {
        if (m_ctx.cancelled())
            return RunContext::cancelledError();
        const std::string name = tensor.values().name();
        QS_CHECK_OK(addConstant(builder, name, readOnnxSparseTensor(tensor, m_external, m_sparseBudget)));
    }
    return {};
}

Status OnnxGraphReader::addConstant(GraphBuilder &builder, const std::string &name, Result<Tensor> tensor) {
    const std::string safe = safeName(name);
    if (!tensor)
        return fail(std::move(tensor).error().withContext(fmt::format("tensor '{}'", safe)));
    if (safe.empty())
        return fail(ErrorCode::CorruptFile, "a constant tensor has no name");
    if (tensor->dtype() == DType::String)
        m_stringTensors.add(safe);
    return builder.addConstant(builder.value(safe), std::move(*tensor));
}

Status OnnxGraphReader::readOutputs(const onnx::GraphProto &graph, GraphBuilder &builder, Scope &scope) {
    for (const auto &output : graph.output()) {
        const ValueId id = readName(builder, scope, output.name());
        if (id == kNoValue)
            return fail(ErrorCode::CorruptFile, "a graph output has no name");
        builder.addOutput(id);
        if (scope.produced.contains(safeName(output.name())))
            QS_CHECK_OK(describe(output, builder));
    }
    // Only what nodes write: constants know their own shape better, and other names are leftovers.
    for (const auto &info : graph.value_info())
        if (scope.produced.contains(safeName(info.name())))
            QS_CHECK_OK(describe(info, builder));
    return {};
}

void OnnxGraphReader::reportOddities() {
    if (m_stringTensors.count > 0)
        m_findings.add(Severity::Info, fmt::format("constants that hold text cannot be explored: {}",
                                                   m_stringTensors.text()));
    if (m_shadowed.count > 0)
        m_findings.add(
            Severity::Warning,
            fmt::format("subgraphs define names that exist around them: {}; the inner one counts there",
                        m_shadowed.text()),
            {}, "ONNX forbids this; export the model again if its outputs look wrong");
    if (m_droppedAttributes.count > 0)
        m_findings.add(Severity::Warning,
                       fmt::format("attributes of a kind that is not read were left out: {}",
                                   m_droppedAttributes.text()),
                       {}, "nodes that need them cannot run");
}

} // namespace qs
