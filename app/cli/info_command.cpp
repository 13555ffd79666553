#include "app/cli/info_command.h"

#include "app/cli/text_table.h"
#include "core/base/number_text.h"
#include "core/graph/stored_weight.h"
#include "core/graph/weights_only.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

/// "float32 [batch, 3, 32, 32]".
std::string valueText(const Value &value) {
    std::string text = std::string(dtypeName(value.dtype));
    if (!value.hasShape)
        return text + " (shape unknown)";
    std::vector<std::string> dims;
    for (int axis = 0; axis < value.shape.rank(); ++axis) {
        const auto index = static_cast<std::size_t>(axis);
        const bool named = index < value.dimNames.size() && !value.dimNames[index].empty();
        dims.push_back(value.shape[axis] >= 0 ? std::to_string(value.shape[axis])
                       : named                ? value.dimNames[index]
                                              : "?");
    }
    return text + fmt::format(" [{}]", fmt::join(dims, ", "));
}

/// "MatMulNBits, uint4, blocks of 32", or the element type.
std::string storedAs(const Model &model, const Layer &layer) {
    const auto found = model.stored.find(layer.id);
    return found != model.stored.end() ? found->second->form
                                       : std::string(dtypeName(storedWeight(layer, model.graph).dtype()));
}

Json quantizationOf(const StoredQuantization &stored) {
    const QuantizedMatrix &matrix = *stored.weight;
    Json json = {{"bits", matrix.bits},
                 {"granularity", granularityName(matrix.layout.granularity)},
                 {"group_size", matrix.layout.groupSize},
                 {"scales", matrix.scales.size()},
                 {"reordered", !matrix.groupOfColumn.empty()},
                 {"effective_bits", matrix.bitsBreakdown().effective()}};
    if (stored.activation)
        json["activation"] = {{"bits", stored.activationScheme.bits},
                              {"scale", stored.activation->scale},
                              {"zero_point", stored.activation->zeroPoint}};
    return json;
}

std::map<std::string, std::int64_t> operatorCounts(const ModelGraph &graph) {
    std::map<std::string, std::int64_t> counts;
    for (const Node &node : graph.nodes())
        ++counts[node.domain.empty() ? node.opType : node.domain + "." + node.opType];
    return counts;
}

Json valueList(const ModelGraph &graph, const std::vector<ValueId> &ids) {
    Json list = Json::array();
    for (const ValueId id : ids)
        list.push_back({{"name", graph.value(id).name},
                        {"type", dtypeName(graph.value(id).dtype)},
                        {"shape", graph.value(id).shape.dims()},
                        {"text", valueText(graph.value(id))}});
    return list;
}

Json documentOf(const Model &model, const std::vector<MissingOperator> &missing) {
    Json document = {{"file", model.file.string()},
                     {"sha256", model.sha256},
                     {"format", model.format},
                     {"producer", model.graph.producer()},
                     {"ir_version", model.graph.irVersion()},
                     {"opsets", model.graph.opsets()},
                     {"parameters", model.graph.parameterCount()},
                     {"inputs", valueList(model.graph, model.graph.inputs())},
                     {"outputs", valueList(model.graph, model.graph.outputs())},
                     {"operators", operatorCounts(model.graph)}};
    document["missing_operators"] = Json::array();
    for (const MissingOperator &op : missing)
        document["missing_operators"].push_back({{"operator", op.opType},
                                                 {"domain", op.domain},
                                                 {"opset", op.opset},
                                                 {"reason", op.reason},
                                                 {"nodes", op.nodes}});
    document["layers"] = Json::array();
    for (const Layer &layer : model.layers)
        document["layers"].push_back({{"name", layer.name},
                                      {"kind", layerKindName(layer.kind)},
                                      {"node", model.graph.node(layer.node).name},
                                      {"weight", model.graph.value(layer.weight).name},
                                      {"shape", layer.weightShape.dims()},
                                      {"stored_as", storedAs(model, layer)},
                                      {"out_channels", layer.outChannels},
                                      {"inputs_per_output", layer.inPerOut},
                                      {"groups", layer.groups},
                                      {"parameters", layer.parameters()}});
    for (const auto &[layer, stored] : model.stored)
        document["layers"][static_cast<std::size_t>(layer)]["quantization"] = quantizationOf(*stored);
    document["metadata"] = Json::array();
    for (const MetadataEntry &entry : model.metadata)
        document["metadata"].push_back({{"key", entry.key}, {"type", entry.type}, {"value", entry.value}});
    return document;
}

std::string metadataText(const Model &model) {
    if (model.metadata.empty())
        return {};
    TextTable table({{"metadata", TextTable::Side::Left},
                     {"type", TextTable::Side::Left},
                     {"value", TextTable::Side::Left}});
    for (const MetadataEntry &entry : model.metadata)
        table.addRow({entry.key, entry.type, entry.value});
    return "\n" + table.text();
}

std::string summaryText(const Model &model) {
    std::vector<std::string> opsets, operators;
    for (const auto &[domain, version] : model.graph.opsets())
        opsets.push_back(fmt::format("{} {}", domain.empty() ? "ai.onnx" : domain, version));
    for (const auto &[op, count] : operatorCounts(model.graph))
        operators.push_back(fmt::format("{} ×{}", op, count));
    std::vector<std::pair<std::string, std::string>> pairs{
        {"file", model.file.string()},
        {"SHA-256", model.sha256},
        {"format", isWeightsOnly(model.graph)
                       ? model.format + ", weights without a graph"
                       : fmt::format("{}, IR version {}, opset {}", model.format, model.graph.irVersion(),
                                     fmt::join(opsets, ", "))},
        {"producer", model.graph.producer().empty() ? "unknown" : model.graph.producer()},
        {"parameters", withThousands(model.graph.parameterCount())}};
    for (const ValueId id : model.graph.inputs())
        pairs.emplace_back("input", model.graph.value(id).name + ": " + valueText(model.graph.value(id)));
    for (const ValueId id : model.graph.outputs())
        pairs.emplace_back("output", model.graph.value(id).name + ": " + valueText(model.graph.value(id)));
    pairs.emplace_back("operators", fmt::format("{}", fmt::join(operators, ", ")));
    return alignedPairs(pairs);
}

} // namespace

void InfoCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
}

Result<CommandOutput> InfoCommand::run(const CommandContext &context) {
    QS_TRY(const auto model, m_inputs.openModel(context));
    const std::vector<MissingOperator> missing = Executor::missingOperators(model->graph);
    for (const MissingOperator &op : missing)
        if (!isWeightsOnly(model->graph)) // which was said when it was opened
            context.findings.add(
                Severity::Warning,
                fmt::format("Operator {} (opset {}) cannot run here: {}. It is needed by: {}.", op.opType,
                            op.opset, op.reason, fmt::join(op.nodes, ", ")),
                model->file.filename().string(),
                "Weights can be explored and quantized; nothing that runs the model can.");

    TextTable table({{"layer", TextTable::Side::Left},
                     {"kind", TextTable::Side::Left},
                     {"weight shape", TextTable::Side::Left},
                     {"stored as", TextTable::Side::Left},
                     {"parameters"}});
    for (const Layer &layer : model->layers)
        table.addRow({layer.name, layerKindName(layer.kind), layer.weightShape.text(),
                      storedAs(*model, layer), withThousands(layer.parameters())});
    return CommandOutput{documentOf(*model, missing),
                         summaryText(*model) +
                             fmt::format("\n{} quantizable layers\n", model->layers.size()) +
                             (table.empty() ? "" : table.text()) + metadataText(*model)};
}

} // namespace qs::app
