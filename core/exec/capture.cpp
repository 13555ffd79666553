#include "core/exec/capture.h"

#include "core/exec/capture_memory.h"
#include "core/exec/capture_pass.h"
#include "core/io/calibration_set.h"
#include "core/quant/range_rule.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {

Result<std::shared_ptr<const Capture>> captureActivations(const Executor &executor, const CalibrationSet &set,
                                                          const CaptureOptions &options,
                                                          FindingList &findings, const RunContext &ctx) {
    const Model &model = executor.model();
    QS_CHECK_OK(checkFits(set, model.graph));
    std::int64_t activationBytes = 0;
    if (options.memoryLimit > 0) {
        QS_TRY(const auto batch, batchShapes(model, set, options));
        QS_TRY(const CaptureMemory memory, planCaptureMemory(model, options, batch, ctx));
        QS_CHECK_OK(checkLimit(memory, model, set, options, findings));
        activationBytes = memory.activations;
    }
    CapturePass pass(model, options, StatisticsOf::AllLayers, findings);
    const CapturePassRun run{executor, set, options, activationBytes, "calibrating"};
    QS_TRY(const std::int64_t peak, runCapturePass(pass, run, ctx));
    auto capture = std::make_shared<Capture>();
    capture->calibrationSha256 = set.sha256();
    capture->samples = captureBatches(model, set, options).samples;
    capture->peakBytes = options.memoryLimit > 0 ? peak : 0;
    capture->layers = pass.finish();
    return std::shared_ptr<const Capture>(std::move(capture));
}

const WeightedHessian *LayerCapture::find(const TokenWeighting &weighting) const {
    const auto found = std::ranges::find(weightedHessians, weighting, &WeightedHessian::weighting);
    return found == weightedHessians.end() ? nullptr : &*found;
}

bool LayerCapture::has(const TokenWeighting &weighting) const {
    return weighting.importance == TokenImportance::Equal ? !hessian.empty() : find(weighting) != nullptr;
}

std::vector<float> channelMagnitudes(const LayerCapture &capture) {
    std::vector<float> magnitudes;
    for (std::size_t i = 0; i < capture.channelMin.size(); ++i)
        magnitudes.push_back(std::max(std::abs(capture.channelMin[i]), std::abs(capture.channelMax[i])));
    return magnitudes;
}

ScaleZero activationGrid(const LayerCapture &capture, const GridScheme &scheme) {
    const ValueRange range =
        chooseRangeFromHistogram(capture.histogram, capture.stats.min, capture.stats.max, scheme);
    return gridForRange(range.lo, range.hi, scheme.bits, scheme.convention);
}

} // namespace qs
