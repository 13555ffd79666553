#include "core/analysis/graph_cost.h"

#include "core/analysis/node_cost.h"
#include "core/graph/weights_only.h"
#include "core/hardware/transformer_cost.h"
#include "core/io/importer.h"

#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

/// Bytes of weights: what a layer quantizes at its stored width, other floats at the plan's, the rest as they
/// are.
void countConstants(const Model &model, const PrecisionPlan &plan, Workload &pass) {
    std::map<ValueId, double> storedBits;
    for (const Layer &layer : model.layers)
        storedBits[layer.weight] =
            plan.layer({layer.name, layer.id, layer.outChannels, layer.inPerOut}).storedBits;
    double floatBytes = 0;
    for (const auto &[id, tensor] : model.graph.constants()) {
        const auto elements = static_cast<double>(tensor.numel());
        const auto layer = storedBits.find(id);
        const bool isFloat = isFloatingPoint(tensor.dtype());
        const double bits = layer != storedBits.end() ? layer->second
                            : isFloat                 ? plan.floatBits
                                                      : dtypeBits(tensor.dtype());
        pass.memory.weights += elements * bits / 8;
        floatBytes += isFloat ? elements * bits / 8 : 0;
        pass.parameters += isFloat ? elements : 0;
    }
    pass.averageWeightBits = pass.parameters > 0 ? 8 * floatBytes / pass.parameters : 0;
}

/// Largest sum of values that are needed at one time when nodes run in order. A reshape shares the bytes of
/// its source; nothing else is computed in place.
double peakActivations(const ModelGraph &graph, const ShapeTrace &trace, const PrecisionPlan &plan) {
    std::vector<ValueId> root(graph.values().size());
    for (std::size_t i = 0; i < root.size(); ++i)
        root[i] = static_cast<ValueId>(i);
    const auto end = static_cast<NodeId>(graph.nodes().size());
    std::vector<NodeId> lastUse(root.size(), kNoNode);
    for (NodeId n = 0; n < end; ++n) {
        const Node &node = graph.node(n);
        if (isView(node.opType) && !node.inputs.empty() && node.inputs.front() != kNoValue)
            for (const ValueId output : node.outputs)
                if (output != kNoValue)
                    root[static_cast<std::size_t>(output)] =
                        root[static_cast<std::size_t>(node.inputs.front())];
        for (const ValueId input : node.inputs)
            if (input != kNoValue)
                lastUse[static_cast<std::size_t>(root[static_cast<std::size_t>(input)])] = n;
    }
    for (const ValueId output : graph.outputs())
        lastUse[static_cast<std::size_t>(root[static_cast<std::size_t>(output)])] = end;

    std::vector<std::vector<ValueId>> freed(graph.nodes().size() + 1);
    double now = 0, peak = 0;
    const auto allocate = [&](ValueId id, NodeId producer) {
        if (id == kNoValue || root[static_cast<std::size_t>(id)] != id || !trace[id].known ||
            !trace[id].fromInput)
            return;
        now += valueBytes(trace[id], plan);
        freed[static_cast<std::size_t>(std::max(lastUse[static_cast<std::size_t>(id)], producer))].push_back(
            id);
    };
    for (const ValueId input : graph.inputs())
        allocate(input, 0);
    for (NodeId n = 0; n < end; ++n) {
        for (const ValueId output : graph.node(n).outputs)
            allocate(output, n);
        peak = std::max(peak, now);
        for (const ValueId id : freed[static_cast<std::size_t>(n)])
            now -= valueBytes(trace[id], plan);
    }
    return std::max(peak, now);
}

void noteGaps(const ModelGraph &graph, const ShapeTrace &trace, const std::set<std::string> &unmodelled,
              Workload &pass) {
    if (!trace.gaps.empty()) {
        const TraceGap &first = trace.gaps.front();
        pass.notes.push_back(fmt::format(
            "Partial: {} nodes are left out because a shape is not known, first '{}' ({}): {}.",
            trace.gaps.size(), graph.node(first.node).name, graph.node(first.node).opType, first.reason));
    }
    if (unmodelled.empty())
        return;
    std::string names;
    for (const std::string &name : unmodelled)
        names += (names.empty() ? "" : ", ") + name;
    pass.notes.push_back(fmt::format("Operations of {} are not modelled: only their bytes count.", names));
}

} // namespace

GraphCost::GraphCost(std::shared_ptr<const Model> model) : m_model(std::move(model)) {
    if (const auto bound = bindInputs(m_model->graph, 1, 1)) {
        m_takesBatch = bound->usesBatch;
        m_takesSequence = bound->usesSequence;
    }
}

std::string GraphCost::name() const {
    return m_model->file.filename().string();
}

std::string GraphCost::whyNothing() const {
    return isWeightsOnly(m_model->graph) ? kNoGraphText : "";
}

Result<Workload> GraphCost::workload(const WorkloadRequest &request, const RunContext &ctx) const {
    QS_CHECK_OK(request.check());
    if (request.stage != Stage::Inference || request.compatible)
        return fail(ErrorCode::InvalidArgument,
                    "an opened graph is modelled as it stands: one pass without a cache. Choose inference, "
                    "or open the model's "
                    "config.json for prefill, decode and compatible mode.",
                    name());
    const ModelGraph &graph = m_model->graph;
    QS_TRY(const BoundInputs inputs, bindInputs(graph, request.batch, request.sequence));
    auto traced = traceShapes(graph, inputs.shapes, ctx);
    if (!traced && traced.error().code == ErrorCode::InvalidArgument && m_takesSequence)
        traced.error().message += fmt::format(
            ". The sequence has {} tokens: choose fewer if the model was made for fewer.", request.sequence);
    if (!traced)
        return fail(std::move(traced).error());
    const ShapeTrace &trace = *traced;
    std::map<NodeId, const Layer *> layerOfNode;
    for (const Layer &layer : m_model->layers)
        layerOfNode[layer.node] = &layer;

    Workload pass;
    pass.name = request.plan.name;
    std::set<std::string> unmodelled;
    for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
        const auto id = static_cast<NodeId>(n);
        const auto layer = layerOfNode.find(id);
        auto work =
            nodeWork({graph, trace, id, layer == layerOfNode.end() ? nullptr : layer->second, request.plan});
        if (!work)
            continue;
        if (!work->operationsKnown)
            unmodelled.insert(graph.node(id).opType);
        pass.operators.push_back(std::move(work->work));
    }
    countConstants(*m_model, request.plan, pass);
    pass.memory.activations = peakActivations(graph, trace, request.plan);
    pass.notes.emplace_back(
        "No fusion: every operator reads its operands from memory and writes its result there.");
    noteGaps(graph, trace, unmodelled, pass);
    return pass;
}

Result<std::shared_ptr<const CostSource>> openCostSource(const std::filesystem::path &file,
                                                         FindingList &findings, const RunContext &ctx) {
    if (isNetworkConfigFile(file)) {
        QS_TRY(NetworkDescription network, readNetworkConfig(file));
        return std::shared_ptr<const CostSource>(std::make_shared<TransformerCost>(std::move(network)));
    }
    QS_TRY(std::shared_ptr<const Model> model, openModel(file, findings, ctx));
    return std::shared_ptr<const CostSource>(std::make_shared<GraphCost>(std::move(model)));
}

PrecisionPlan recipePlan(const Recipe &recipe, double floatBits) {
    PrecisionPlan plan;
    plan.name = recipe.name.empty() ? "recipe" : recipe.name;
    plan.layer = [recipe, floatBits](const WeightSite &site) {
        const LayerChoice choice = recipe.choiceFor(site.name);
        LayerPrecision precision{floatBits, floatBits, floatBits};
        if (choice.weight) {
            precision.codeBits = choice.weight->scheme.grid.bits;
            precision.storedBits = plannedWeightBits(choice.weight->scheme, site.outChannels, site.inPerOut);
        }
        if (choice.activation)
            precision.inputBits = choice.activation->grid.bits;
        return precision;
    };
    plan.activationBits = plan.cacheBits = plan.cacheStoredBits = plan.floatBits = floatBits;
    plan.uniform = false;
    return plan;
}

} // namespace qs
