#pragma once

#include "core/quant/quantizer.h"

#include <functional>
#include <mutex>
#include <optional>
#include <quantoscope/plugin.h>

/// What the services of the host need to know about one call; plugins see it as an opaque handle.
struct qs_call {
    const qs::RunContext &ctx;
    std::string name; ///< of the layer or tensor, for findings
    qs::LayerServices *services = nullptr;
    qs::FindingList *findings = nullptr;
    const qs::WeightGridScheme *scheme = nullptr; ///< null: no grid to fit
    std::int64_t rows = 0, cols = 0;              ///< of this part
    std::int64_t part = 0;                        ///< convolution group that this call is about
    std::int64_t parts = 1;

    /// Behind host->quantize() and keep_quantized(); empty where a method may not call them.
    std::function<qs_status(qs::MatrixView<const float>, float *)> quantize{};
    std::function<qs_status()> keepQuantized{};

    std::mutex mutex{}; ///< guards what follows
    std::vector<qs::KeptWeight> kept{};
    std::optional<qs::InputStatistics> statistics{};
    std::optional<qs::LayerInputs> inputs{};
};

namespace qs {

/// The one table of services that every plugin gets.
/// \thread the functions are safe to call from any thread
const qs_host &pluginHost();

} // namespace qs
