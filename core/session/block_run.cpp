#include "core/session/block_run.h"

#include "core/analysis/block_problem.h"
#include "core/base/progress_window.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace qs {

struct BlockRuns::Group {
    std::shared_ptr<const BlockMethod> method;
    nlohmann::json parameters;
    std::string name; ///< of the window
    std::vector<const Layer *> layers;
};

BlockRuns::BlockRuns(const RunRequest &request, std::shared_ptr<const Model> model,
                     std::shared_ptr<const Executor> executor)
    : m_request(request), m_model(std::move(model)), m_executor(std::move(executor)) {
    std::vector<ReconstructionBlock> blocks = findReconstructionBlocks(m_model->graph, m_model->layers);
    std::erase_if(blocks, [this](const ReconstructionBlock &block) { return groupsOf(block).empty(); });
    findWindows(blocks);
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

BlockPlan BlockRuns::planOf(const ReconstructionBlock &block) const {
    // One pass through the network serves all windows: the largest wishes of their methods.
    BlockPlan plan{1, 1};
    for (const Group &group : groupsOf(block)) {
        const BlockPlan wish = group.method->plan(group.parameters);
        plan.batchSize = std::max(plan.batchSize, wish.batchSize);
        plan.maxSamples = std::max(plan.maxSamples, wish.maxSamples);
        plan.window = wish.window;
        plan.overlap = wish.overlap;
        for (std::size_t term = 0; term < kBlockTerms; ++term)
            plan.terms[term] = plan.terms[term] || wish.terms[term];
    }
    return plan;
}

/// Windows hold blocks that follow each other and have one and the same method.
void BlockRuns::findWindows(const std::vector<ReconstructionBlock> &blocks) {
    const auto goesOn = [&](std::size_t next) {
        if (next >= blocks.size() || blocks[next - 1].nodes.end != blocks[next].nodes.begin)
            return false;
        const std::vector<Group> before = groupsOf(blocks[next - 1]), after = groupsOf(blocks[next]);
        return before.size() == 1 && after.size() == 1 && before[0].method == after[0].method &&
               before[0].parameters == after[0].parameters;
    };
    for (std::size_t begin = 0; begin < blocks.size();) {
        const BlockPlan plan = planOf(blocks[begin]);
        std::size_t end = begin + 1;
        while (end - begin < static_cast<std::size_t>(plan.window) && goesOn(end))
            ++end;
        m_windows.push_back(joinBlocks(m_model->graph, std::span(blocks).subspan(begin, end - begin)));
        begin = goesOn(end) ? end - static_cast<std::size_t>(plan.overlap) : end;
    }
}

/// Whether the window has its turn at this layer: the first of it that is reconstructed.
bool BlockRuns::startsAt(std::size_t window, const Layer &layer) const {
    return m_windows[window].nodes.contains(layer.node) && isReconstructed(layer) && !m_done.contains(window);
}

std::int64_t BlockRuns::layersAhead(const Layer &layer) const {
    std::int64_t count = 0;
    for (std::size_t w = 0; w < m_windows.size(); ++w)
        if (startsAt(w, layer))
            count += std::ssize(m_windows[w].layers);
    return count;
}

std::int64_t BlockRuns::allLayers() const {
    std::int64_t count = 0;
    for (const ReconstructionBlock &window : m_windows)
        count += std::ssize(window.layers);
    return count;
}

Result<std::optional<ReadyLayer>> BlockRuns::take(const Layer &layer, const Run &run, FindingList &findings,
                                                  const RunContext &ctx) {
    for (std::size_t w = 0; w < m_windows.size(); ++w) {
        if (!startsAt(w, layer))
            continue;
        m_done.insert(w);
        if (auto status = reconstruct(w, run, findings, ctx); !status) {
            if (status.error().code == ErrorCode::Cancelled)
                return fail(std::move(status).error());
            Finding finding = toFinding(status.error());
            finding.severity = Severity::Warning;
            finding.action = fmt::format("The layers of {} are quantized one by one.", m_windows[w].name);
            findings.add(std::move(finding));
        }
    }
    const auto ready = m_ready.find(layer.id);
    return ready == m_ready.end() ? std::nullopt : std::optional(ready->second);
}

Status BlockRuns::prepareFeeder(const RunContext &ctx) {
    if (m_feeder)
        return {};
    BlockPlan plan{1, 1};
    for (const ReconstructionBlock &window : m_windows) {
        const BlockPlan wish = planOf(window);
        plan.batchSize = std::max(plan.batchSize, wish.batchSize);
        plan.maxSamples = std::max(plan.maxSamples, wish.maxSamples);
        for (std::size_t term = 0; term < kBlockTerms; ++term)
            plan.terms[term] = plan.terms[term] || wish.terms[term];
    }
    if (m_request.calibrationSamples > 0)
        plan.maxSamples = std::min(plan.maxSamples, m_request.calibrationSamples);
    QS_TRY(m_feeder, BlockFeeder::create(m_executor, *m_request.calibration, plan, m_windows, ctx));
    return {};
}

Status BlockRuns::reconstruct(std::size_t window, const Run &run, FindingList &findings,
                              const RunContext &ctx) {
    QS_CHECK_OK(prepareFeeder(ctx));
    const std::vector<QuantizedLayer> before = run.quantizedLayers();
    QS_TRY(const PassOptions prefix, substitutions(*m_model, before));
    QS_CHECK_OK(m_feeder->moveTo(window, prefix, ctx));
    const std::vector<Group> groups = groupsOf(m_windows[window]);
    const auto count = static_cast<double>(groups.size());
    for (std::size_t g = 0; g < groups.size(); ++g) {
        ProgressWindow progress(ctx, static_cast<double>(g) / count, static_cast<double>(g + 1) / count);
        if (auto status = reconstructGroup(groups[g], run, findings, progress.context()); !status)
            return fail(std::move(status).error().withContext(m_windows[window].name));
    }
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

Result<BlockLayer> BlockRuns::blockLayer(const Layer &layer, const Run &run, std::vector<Tensor> &weights,
                                         const RunContext &ctx) const {
    const LayerChoice choice = m_request.recipe.choiceFor(layer.name);
    QS_TRY(Tensor matrix, weightMatrix(layer, m_model->graph));
    weights.push_back(std::move(matrix));
    const MatrixView<const float> view{weights.back().values<float>().data(), layer.outChannels,
                                       layer.inPerOut};
    if (const auto earlier = m_ready.find(layer.id); earlier != m_ready.end()) {
        std::optional<BlockActivation> activation = staticActivation(layer, choice, run);
        if (activation && earlier->second.activation)
            activation->grid = *earlier->second.activation;
        return BlockLayer{layer.name, view, *earlier->second.weight, activation};
    }
    QuantizeRequest rounding;
    rounding.layerName = layer.name;
    rounding.weights = view;
    rounding.groups = layer.groups;
    rounding.scheme = choice.weight->scheme;
    RunContext quiet = ctx; // its share of the bar is that of the block
    quiet.progress = nullptr;
    QS_TRY(QuantizedMatrix nearest, makeRtnQuantizer()->quantize(rounding, quiet));
    return BlockLayer{layer.name, view, std::move(nearest), staticActivation(layer, choice, run)};
}

Status BlockRuns::reconstructGroup(const Group &group, const Run &run, FindingList &findings,
                                   const RunContext &ctx) {
    const auto start = std::chrono::steady_clock::now();
    BlockRequest request;
    request.name = group.name;
    request.parameters = group.parameters;
    request.seed = m_request.recipe.seed;
    request.findings = &findings;
    std::vector<Tensor> weights;
    std::vector<std::optional<BlockActivation>> activations;
    for (const Layer *layer : group.layers) {
        QS_TRY(BlockLayer entry, blockLayer(*layer, run, weights, ctx));
        activations.push_back(entry.activation);
        request.layers.push_back(std::move(entry));
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
