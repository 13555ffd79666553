#include "core/exec/capture.h"

#include "core/exec/capture_memory.h"
#include "core/exec/capture_pass.h"
#include "core/io/calibration_set.h"
#include "core/quant/range_rule.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

bool hasAll(const Capture &capture, const Model &model, const CalibrationSet &set,
            const CaptureOptions &options) {
    // Projects of earlier versions have no sums of channels.
    const auto hasSums = [](const auto &layer) {
        return !layer || layer->channelSum.size() == layer->channelMin.size();
    };
    // A file may keep a part of what the set makes, in half precision: runs make their own.
    return capture.origin.empty() && capture.calibrationSha256 == set.sha256() &&
           std::ranges::all_of(capture.layers, hasSums) && capture.layers.size() == model.layers.size() &&
           capture.samples == captureBatches(model, set, options).samples &&
           std::ranges::all_of(options.hessians, [&](const HessianWish &wish) {
               const auto &layer = capture.layers[static_cast<std::size_t>(wish.layer)];
               return layer && layer->has(wish.weighting);
           });
}

/// What a batch takes. \error OutOfMemory  all together would exceed the limit
Result<std::int64_t> checkMemory(const Model &model, const CalibrationSet &set, const CaptureOptions &options,
                                 FindingList &findings, const RunContext &ctx) {
    QS_TRY(const auto batch, batchShapes(model, set, options));
    QS_TRY(const CaptureMemory memory, planCaptureMemory(model, options, batch, ctx));
    if (!memory.complete)
        findings.add(Severity::Info,
                     "The shapes of some activations could not be worked out: they may take more memory than "
                     "the limit says",
                     model.file.filename().string());
    if (memory.total() > options.memoryLimit)
        return fail(
            ErrorCode::OutOfMemory,
            fmt::format("calibration needs {}: {} for the activations of a batch of {} samples, {} for the "
                        "statistics of the layers, {} for Hessians; the limit is {}. Raise the memory limit",
                        mebibytes(memory.total()), mebibytes(memory.activations),
                        captureBatches(model, set, options).size, mebibytes(memory.statistics),
                        mebibytes(memory.hessians), mebibytes(options.memoryLimit)),
            set.file().filename().string());
    return memory.activations;
}

} // namespace

Result<std::shared_ptr<const Capture>> captureActivations(const Executor &executor, const CalibrationSet &set,
                                                          const CaptureOptions &options,
                                                          FindingList &findings, const RunContext &ctx) {
    const Model &model = executor.model();
    QS_CHECK_OK(checkFits(set, model.graph));
    std::int64_t activationBytes = 0;
    if (options.memoryLimit > 0) {
        QS_TRY(activationBytes, checkMemory(model, set, options, findings, ctx));
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

Result<std::shared_ptr<const Capture>> captureOrReuse(std::shared_ptr<const Capture> earlier,
                                                      const Executor &executor, const CalibrationSet &set,
                                                      const CaptureOptions &options, FindingList &findings,
                                                      const RunContext &ctx) {
    if (earlier && hasAll(*earlier, executor.model(), set, options))
        return earlier;
    return captureActivations(executor, set, options, findings, ctx);
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
