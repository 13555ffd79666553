#include "core/analysis/node_timing.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace qs {
namespace {

/// Adds the seconds of each node in one pass to its list.
Status timePass(const Executor &executor, const std::vector<Tensor> &inputs,
                std::vector<std::vector<double>> &seconds, const RunContext &ctx) {
    using Clock = std::chrono::steady_clock;
    QS_TRY(ExecutionState state, executor.begin(inputs, {}));
    for (std::size_t node = 0; node < seconds.size(); ++node) {
        const auto start = Clock::now();
        QS_CHECK_OK(executor.advance(state, static_cast<NodeId>(node) + 1, {}, ctx));
        seconds[node].push_back(std::chrono::duration<double>(Clock::now() - start).count());
    }
    return {};
}

} // namespace

double NodeTimes::totalSeconds() const {
    return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

Result<std::shared_ptr<const NodeTimes>> measureNodeTimes(const Executor &executor, const CalibrationSet &set,
                                                          std::int64_t batch, int passes,
                                                          const RunContext &ctx) {
    const ModelGraph &graph = executor.model().graph;
    QS_CHECK_OK(checkFits(set, graph));
    auto times = std::make_shared<NodeTimes>();
    times->batch = std::min(planBatches(set, graph, 0, batch).size, set.samples());
    times->passes = std::max(passes, 1);
    QS_TRY(const std::vector<Tensor> inputs, readModelInputs(set, graph, 0, times->batch));
    std::vector<std::vector<double>> seconds(graph.nodes().size());
    for (int pass = 0; pass <= times->passes; ++pass) {
        ctx.step(pass, times->passes + 1, "timing node by node");
        QS_CHECK_OK(timePass(executor, inputs, seconds, ctx));
        if (pass == 0) // the first one maps memory and fills caches
            for (auto &list : seconds)
                list.clear();
    }
    for (auto &list : seconds) {
        const auto middle = list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2);
        std::nth_element(list.begin(), middle, list.end());
        times->seconds.push_back(*middle);
    }
    return std::shared_ptr<const NodeTimes>(std::move(times));
}

} // namespace qs
