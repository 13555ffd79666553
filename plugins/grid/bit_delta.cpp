#include "plugins/grid/bit_delta.h"

#include "core/tensor/convert.h"
#include "plugins/support/method_call.h"
#include "plugins/support/run_blocks.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace qs {
namespace {

/// A slice of zeros has no scale of its own, and scales are positive: the smallest that can be stored.
float storableScale(double mean, bool float16) {
    if (!float16)
        return std::max(static_cast<float>(mean), std::numeric_limits<float>::min());
    return float16ToFloat(floatToFloat16(std::clamp(static_cast<float>(mean), 6e-8f, 6.5e4f)));
}

} // namespace

PluginMethodInfo BitDelta::info() {
    PluginMethodInfo info;
    info.id = "bitdelta";
    info.name = "BitDelta sign";
    info.summary = "The sign of each weight times the mean magnitude of its slice, 1 bit. For differences of "
                   "checkpoints; one scale for a matrix is the paper's start, before it trains the scales.";
    info.paper = "Liu et al. 2024, BitDelta, arXiv:2402.10193";
    info.tags = "grid,codebook,binary,weight-only,data-free";
    info.parameters = R"({"type": "object", "properties": {}})";
    info.status = QS_PAPER_FORMULA;
    info.cost = "m d; 1 scale a slice";
    info.stores = QS_STORES_LEVELS;
    return info;
}

std::string BitDelta::refusal(const qs_quantize_request &request) {
    return request.bits == 1 ? std::string() : fmt::format("stores 1 bit a weight; got {}", request.bits);
}

void BitDelta::quantize(const PluginCall &call) {
    const qs_quantize_request &request = call.request();
    const MatrixView<const float> weights = weightsOf(call);
    const std::span<const float> values(weights.data, static_cast<std::size_t>(weights.size()));
    const Slices slices = slicesOf(request);
    qs_quantize_result &result = call.result();
    const Status done =
        runBlocks(slices.count(), slices.grain(), servicesOf(call, "BitDelta"), [&](auto begin, auto end) {
            for (auto slice = begin; slice < end; ++slice) {
                const auto first = slices.begin(slice), size = slices.size(slice);
                double magnitudes = 0;
                for (auto i = first; i < first + size; ++i) {
                    const float value = values[static_cast<std::size_t>(i)];
                    magnitudes += std::abs(static_cast<double>(value));
                    result.codes[i] =
                        static_cast<std::int16_t>(value > 0 ? request.highest_code : request.lowest_code);
                }
                result.scales[slice] =
                    storableScale(magnitudes / static_cast<double>(size), request.scale_as_float16 != 0);
            }
        });
    call.throwIfCancelled();
    if (!done)
        throw PluginError(QS_INVALID_ARGUMENT, done.error().message);
    result.levels[0] = -1;
    result.levels[1] = 1;
    result.zero_point_bits = 0;
}

} // namespace qs
