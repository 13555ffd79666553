#include "core/session/block_run.h"

#include "core/analysis/block_problem.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace qs {

struct BlockRuns::Group {
    std::shared_ptr<const BlockMethod> method;
    nlohmann::json parameters;
    std::string name; ///< of the block
    std::vector<const Layer *> layers;
};

BlockRuns::BlockRuns(const RunRequest &request, std::shared_ptr<const Model> model,
                     std::shared_ptr<const Executor> executor)
    : m_request(request), m_model(std::move(model)), m_executor(std::move(executor)) {
    for (ReconstructionBlock &block : findReconstructionBlocks(m_model->graph, m_model->layers))
        if (!groupsOf(block).empty())
            m_blocks.push_back(std::move(block));
}

BlockRuns::~BlockRuns() = default;

std::shared_ptr<const BlockMethod> BlockRuns::methodOf(const Layer &layer) const {
    const LayerChoice choice = m_request.recipe.choiceFor(layer.name);
    if (!choice.weight || choice.weight->branch || !m_executor || !m_request.calibration)
        return nullptr;
    return std::dynamic_pointer_cast<const BlockMethod>(m_request.methods->find(choice.weight->method));
}

/// A looked-up row is the output as it is: nearest rounding is best, and there is nothing to learn.
bool BlockRuns::isReconstructed(const Layer &layer) const {
    return layer.kind != LayerKind::Embedding && methodOf(layer);
}

std::vector<BlockRuns::Group> BlockRuns::groupsOf(const ReconstructionBlock &block) const {
    std::vector<Group> groups;
    for (const LayerId id : block.layers) {
        const Layer &layer = m_model->layers[static_cast<std::size_t>(id)];
        if (!isReconstructed(layer))
            continue;
        const LayerChoice choice = m_request.recipe.choiceFor(layer.name);
        const auto method = methodOf(layer);
        auto same = std::ranges::find_if(groups, [&](const Group &group) {
            return group.method == method && group.parameters == choice.weight->parameters;
        });
        if (same == groups.end())
            same = groups.insert(groups.end(), {method, choice.weight->parameters, block.name, {}});
        same->layers.push_back(&layer);
    }
    return groups;
}

Result<std::optional<ReadyLayer>> BlockRuns::take(const Layer &layer, const Run &run, FindingList &findings,
                                                  const RunContext &ctx) {
    for (std::size_t b = 0; b < m_blocks.size(); ++b) {
        if (!m_blocks[b].nodes.contains(layer.node) || !isReconstructed(layer) || !m_done.insert(b).second)
            continue;
        if (auto status = reconstruct(b, run, findings, ctx); !status) {
            if (status.error().code == ErrorCode::Cancelled)
                return fail(std::move(status).error());
            Finding finding = toFinding(status.error());
            finding.severity = Severity::Warning;
            finding.action = fmt::format("The layers of {} are quantized one by one.", m_blocks[b].name);
            findings.add(std::move(finding));
        }
    }
    const auto ready = m_ready.find(layer.id);
    return ready == m_ready.end() ? std::nullopt : std::optional(ready->second);
}

Status BlockRuns::prepareFeeder(const RunContext &ctx) {
    if (m_feeder)
        return {};
    // One pass through the network serves all blocks: the largest wishes of their methods.
    BlockPlan plan{1, 1};
    for (const ReconstructionBlock &block : m_blocks)
        for (const Group &group : groupsOf(block)) {
            const BlockPlan wish = group.method->plan(group.parameters);
            plan.batchSize = std::max(plan.batchSize, wish.batchSize);
            plan.maxSamples = std::max(plan.maxSamples, wish.maxSamples);
        }
    if (m_request.calibrationSamples > 0)
        plan.maxSamples = std::min(plan.maxSamples, m_request.calibrationSamples);
    QS_TRY(m_feeder, BlockFeeder::create(m_executor, *m_request.calibration, plan.batchSize, plan.maxSamples,
                                         m_blocks, ctx));
    return {};
}

Status BlockRuns::reconstruct(std::size_t block, const Run &run, FindingList &findings,
                              const RunContext &ctx) {
    QS_CHECK_OK(prepareFeeder(ctx));
    const std::vector<QuantizedLayer> before = run.quantizedLayers();
    QS_TRY(const PassOptions prefix, substitutions(*m_model, before));
    QS_CHECK_OK(m_feeder->moveTo(block, prefix, ctx));
    for (const Group &group : groupsOf(m_blocks[block]))
        if (auto status = reconstructGroup(group, run, findings, ctx); !status)
            return fail(std::move(status).error().withContext(m_blocks[block].name));
    return {};
}

namespace {

/// The grid to start from: of the range that a transform decided, else fitted to the capture.
std::optional<BlockActivation> staticActivation(const Layer &layer, const LayerChoice &choice,
                                                const Run &run) {
    const LayerCapture *capture =
        run.capture ? run.capture->layers[static_cast<std::size_t>(layer.id)].get() : nullptr;
    if (!choice.activation || choice.activation->scale != ActivationScale::Static || !capture ||
        capture->stats.count == 0)
        return std::nullopt;
    const GridScheme &scheme = choice.activation->grid;
    const CodeRange codes = codeRange(scheme.bits, scheme.convention);
    if (run.prepared)
        if (const auto range = run.prepared->activationRanges.find(layer.id);
            range != run.prepared->activationRanges.end())
            return BlockActivation{
                gridForRange(range->second.lo, range->second.hi, scheme.bits, scheme.convention), codes};
    return BlockActivation{activationGrid(*capture, scheme), codes};
}

} // namespace

Status BlockRuns::reconstructGroup(const Group &group, const Run &run, FindingList &findings,
                                   const RunContext &ctx) {
    const auto start = std::chrono::steady_clock::now();
    BlockRequest request;
    request.name = group.name;
    request.parameters = group.parameters;
    request.seed = m_request.recipe.seed;
    request.findings = &findings;
    std::vector<Tensor> weights; // what the views of the request look at
    std::vector<std::optional<BlockActivation>> activations;
    for (const Layer *layer : group.layers) {
        const LayerChoice choice = m_request.recipe.choiceFor(layer->name);
        QS_TRY(Tensor matrix, weightMatrix(*layer, m_model->graph));
        weights.push_back(std::move(matrix));
        QuantizeRequest rounding;
        rounding.layerName = layer->name;
        rounding.weights = {weights.back().values<float>().data(), layer->outChannels, layer->inPerOut};
        rounding.groups = layer->groups;
        rounding.scheme = choice.weight->scheme;
        QS_TRY(QuantizedMatrix nearest, makeRtnQuantizer()->quantize(rounding, ctx));
        activations.push_back(staticActivation(*layer, choice, run));
        request.layers.push_back({layer->name, rounding.weights, std::move(nearest), activations.back()});
    }
    BlockProblem problem(*m_feeder, group.layers, activations);
    request.services = &problem;
    QS_TRY(BlockResult result, group.method->reconstruct(request, ctx));
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (std::size_t i = 0; i < group.layers.size(); ++i) {
        ReadyLayer ready;
        ready.weight = std::make_shared<const QuantizedMatrix>(std::move(result.weights[i]));
        if (activations[i]) {
            ready.activation = activations[i]->grid;
            ready.activation->scale = result.activationScales[i];
        }
        ready.seconds = seconds / static_cast<double>(group.layers.size());
        m_ready[group.layers[i]->id] = std::move(ready);
    }
    return {};
}

} // namespace qs
