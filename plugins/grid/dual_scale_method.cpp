#include "plugins/grid/dual_scale_method.h"

#include "core/tensor/convert.h"
#include "plugins/grid/dual_scale_fit.h"
#include "plugins/support/method_call.h"
#include "plugins/support/run_blocks.h"

#include <array>
#include <atomic>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

constexpr const char *kParameters = R"({
  "type": "object",
  "properties": {
    "iterations": {
      "type": "integer", "title": "Iterations", "default": 15, "minimum": 1, "maximum": 50,
      "description": "Rounds in which scales and signs are fitted in turn."}
  }
})";

/// Levels of one slice as they are stored: 2 or 3 scales, the first of them outside the codebook.
struct SliceCodebook {
    float scale = 1.0f;
    std::array<float, 8> levels{}; ///< ascending
};

float storable(double scale, bool float16) {
    if (!float16)
        return static_cast<float>(scale);
    return float16ToFloat(floatToFloat16(static_cast<float>(std::min(scale, 6.5e4))));
}

SliceCodebook codebookOf(std::span<const double> fitted, bool float16) {
    std::vector<double> scales;
    for (double scale : fitted)
        scales.push_back(storable(scale, float16));
    std::sort(scales.rbegin(), scales.rend());
    SliceCodebook codebook;
    if (scales[0] >= std::numeric_limits<float>::min())
        codebook.scale = static_cast<float>(scales[0]);
    std::vector<double> levels = dualScaleLevels(scales);
    std::sort(levels.begin(), levels.end());
    for (std::size_t i = 0; i < levels.size(); ++i)
        codebook.levels[i] = static_cast<float>(levels[i] / codebook.scale);
    return codebook;
}

std::size_t nearestLevel(double value, std::span<const float> levels) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < levels.size(); ++i)
        if (std::abs(value - levels[i]) < std::abs(value - levels[best]))
            best = i;
    return best;
}

void quantizeSlice(const PluginCall &call, const Slices &slices, std::int64_t slice, int iterations,
                   const SolverServices &services) {
    const qs_quantize_request &request = call.request();
    const qs_quantize_result &result = call.result();
    const MatrixView<const float> row{request.weights + slices.begin(slice), 1, slices.size(slice)};
    const auto fit = fitDualScales(row, {request.bits, 0, iterations, false}, services);
    if (!fit)
        return; // cancelled
    const SliceCodebook codebook = codebookOf(fit->scales, request.scale_as_float16 != 0);
    const std::span<const float> levels(codebook.levels.data(), std::size_t{1} << request.bits);
    result.scales[slice] = codebook.scale;
    std::copy(levels.begin(), levels.end(), result.levels + (slice << request.bits));
    std::int16_t *code = result.codes + slices.begin(slice);
    for (float value : row.row(0))
        *code++ = static_cast<std::int16_t>(
            request.lowest_code +
            static_cast<std::int32_t>(nearestLevel(static_cast<double>(value) / codebook.scale, levels)));
}

} // namespace

PluginMethodInfo DualScale::info() {
    PluginMethodInfo info;
    info.id = "d2quant-dsq";
    info.name = "D2Quant dual scale";
    info.summary = "Levels that are sums of 2 (at 2 bit) or 3 (at 3 bit) scales with signs, fitted to each "
                   "slice. The column scales of the method are a transform of its own; the range rule of the "
                   "recipe is not used.";
    info.paper = "D2Quant, dual-scale quantizer";
    info.tags = "grid,codebook,optimisation,weight-only,data-free";
    info.parameters = kParameters;
    info.status = QS_PAPER_FORMULA;
    info.cost = "15 (2^b + 4) m d; 2^b levels a slice";
    info.stores = QS_STORES_SLICE_LEVELS;
    return info;
}

std::string DualScale::refusal(const qs_quantize_request &request) {
    if (request.bits != 2 && request.bits != 3)
        return fmt::format("makes levels of 2 or 3 bits; got {}", request.bits);
    return refuseMissingCodes(request);
}

void DualScale::quantize(const PluginCall &call) {
    const qs_quantize_request &request = call.request();
    const Slices slices = slicesOf(request);
    const int iterations = parametersOf(call).at("iterations");
    const SolverServices services = servicesOf(call, "D2Quant dual scale");
    SolverServices inner = services;
    inner.progress = [](std::int64_t, std::int64_t, const char *) {};
    if (slices.count() > 1)
        inner.maxThreads = 1;
    std::atomic<std::int64_t> done{0};
    const Status status = runBlocks(slices.count(), slices.grain(), services, [&](auto begin, auto end) {
        for (auto slice = begin; slice < end && !services.cancelled(); ++slice)
            quantizeSlice(call, slices, slice, iterations, inner);
        services.progress(done += end - begin, slices.count(), "fitting dual scales");
    });
    if (!status)
        throw PluginError(QS_CANCELLED, "cancelled");
    call.result().scale_bits = request.bits * (request.scale_as_float16 ? 16 : 32);
    call.result().zero_point_bits = 0;
}

} // namespace qs
