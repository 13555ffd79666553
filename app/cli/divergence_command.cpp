#include "app/cli/divergence_command.h"

#include "app/cli/graph_picture.h"
#include "app/cli/text_table.h"
#include "core/base/number_text.h"
#include "core/session/recipe_network.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <fmt/format.h>

namespace qs::app {
namespace {

using Json = nlohmann::ordered_json;

std::string decibelText(double decibel) {
    if (!std::isfinite(decibel))
        return significant(decibel) + " dB";
    return decibel >= ErrorMetrics::kMaxSqnrDb ? "exact" : fmt::format("{:.1f} dB", decibel);
}

Json decibelJson(double decibel) {
    return std::isfinite(decibel) ? Json(decibel) : Json(significant(decibel));
}

std::string layerNameOf(const Model &model, NodeId node) {
    for (const Layer &layer : model.layers)
        if (layer.node == node)
            return layer.name;
    return {};
}

Json nodeDocument(const Model &model, NodeId id, const NodeError &error) {
    const Node &node = model.graph.node(id);
    Json document = {{"node", printable(node.name)}, {"operator", printable(node.opType)}};
    if (const std::string layer = layerNameOf(model, id); !layer.empty())
        document["layer"] = layer;
    document["quantized"] = error.own.has_value();
    document["own_sqnr_db"] = decibelJson(error.ownDb());
    document["inherited_sqnr_db"] = decibelJson(error.inheritedDb());
    document["accumulated_sqnr_db"] = decibelJson(error.accumulatedDb());
    return document;
}

std::string tableOf(const Model &model, const ErrorPropagation &errors, bool allNodes) {
    TextTable table({{"node", TextTable::Side::Left},
                     {"operator", TextTable::Side::Left},
                     {"own"},
                     {"inherited"},
                     {"accumulated"}});
    for (std::size_t id = 0; id < errors.nodes.size(); ++id) {
        const auto &error = errors.nodes[id];
        if (!error || !(allNodes || error->own))
            continue;
        const Node &node = model.graph.nodes()[id];
        table.addRow({printable(node.name), printable(node.opType), decibelText(error->ownDb()),
                      decibelText(error->inheritedDb()), decibelText(error->accumulatedDb())});
    }
    return table.empty() ? "No node is quantized.\n" : table.text();
}

} // namespace

void DivergenceCommand::addOptions(CLI::App &app) {
    m_inputs.addModel(app);
    m_inputs.addCalibration(app, false);
    m_inputs.addEvaluation(app, false);
    m_recipe.add(app);
    app.add_option("--threshold", m_thresholdDb, "SQNR in dB below which a node's output has diverged")
        ->capture_default_str()
        ->type_name("DB");
    app.add_option("--samples", m_samples, "Samples of the evaluation set to compare on (0 = all)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str()
        ->type_name("N");
    app.add_flag("--all-nodes", m_allNodes, "List every node, not only the quantized ones");
    app.footer(
        "Every node's output in the quantized network is compared with that in the float network (SQNR):\n"
        "accumulated  everything up to the node is quantized\n"
        "own          the node is quantized, its inputs come from the float network\n"
        "inherited    the node is float, its inputs come from the quantized network\n"
        "With --transform the float network is the transformed one, whose operators are listed, too.\n"
        "Without --eval, outputs are compared on the calibration set.");
}

Result<CommandOutput> DivergenceCommand::run(const CommandContext &context) {
    if (!m_inputs.hasSets())
        return fail(ErrorCode::InvalidArgument, "this runs the model: give --eval FILE or --calib FILE");
    RunJob job{m_inputs, m_recipe};
    job.measure = false;
    QS_TRY(const std::shared_ptr<const Run> run, job.execute(context));
    QS_TRY(const RunErrors compared, propagateErrors(m_inputs, *run, m_samples, context));
    const auto &errors = compared.nodes;
    const Model &model = *run->quantizedModel();
    const NodeId first = firstDivergence(*errors, m_thresholdDb);

    CommandOutput output;
    output.document = {
        {"model", {{"file", run->provenance.modelFile}, {"sha256", run->provenance.modelSha256}}},
        {"evaluation",
         {{"file", run->provenance.evaluationFile}, {"sha256", run->provenance.evaluationSha256}}},
        {"samples", errors->samples},
        {"recipe", run->recipe.toJson()},
        {"transforms", transformNames(run->recipe)},
        {"added_nodes", compared.added},
        {"threshold_db", m_thresholdDb},
        {"first_divergence", nullptr},
        {"nodes", Json::array()}};
    for (std::size_t id = 0; id < errors->nodes.size(); ++id)
        if (const auto &error = errors->nodes[id])
            output.document["nodes"].push_back(nodeDocument(model, static_cast<NodeId>(id), *error));
    output.text = tableOf(model, *errors, m_allNodes);
    if (!compared.note.empty())
        output.text += fmt::format("\n{} They added {} operators.\n", compared.note, compared.added);
    output.text += fmt::format("\nOn {} samples of {}: ", withThousands(errors->samples),
                               run->provenance.evaluationFile);
    if (first == kNoNode) {
        output.text += fmt::format("no node's output falls below {:g} dB.\n", m_thresholdDb);
        return output;
    }
    const NodeError &error = *errors->nodes[static_cast<std::size_t>(first)];
    output.document["first_divergence"] = nodeDocument(model, first, error);
    output.document["first_divergence"]["cause"] = errorCause(error);
    output.text +=
        fmt::format("first below {:g} dB is node {} ({}), SQNR {}: own {}, inherited {}. Most of it is {}.\n",
                    m_thresholdDb, printable(model.graph.node(first).name),
                    printable(model.graph.node(first).opType), decibelText(error.accumulatedDb()),
                    decibelText(error.ownDb()), decibelText(error.inheritedDb()), errorCause(error));
    return output;
}

} // namespace qs::app
