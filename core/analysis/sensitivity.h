#pragma once

#include "core/analysis/evaluator.h"
#include "core/exec/capture_source.h"
#include "core/quant/method_registry.h"

namespace qs {

/// Each layer quantized alone at each bit-width, everything else in float.
struct SensitivityTable {
    std::vector<int> bits;                          ///< columns
    std::vector<LayerId> layers;                    ///< rows
    std::vector<std::optional<AloneMetrics>> cells; ///< [layers, bits] row-major; empty = not measured (yet)
    OutputMetrics baseline;                         ///< the float model
    std::int64_t samples = 0;
    std::map<std::string, std::string> methodVersions; ///< of the methods that quantized: id → version
    CalibrationCost calibrationCost;                   ///< no project keeps it
    bool complete = false;

    const std::optional<AloneMetrics> &cell(std::size_t row, std::size_t column) const {
        return cells[row * bits.size() + column];
    }
};

struct SensitivityOptions {
    std::vector<int> bits = {2, 3, 4, 8};
    /// Method and scheme of each layer's weight; bits are replaced, activations stay float. A layer that it
    /// keeps in float is rounded to nearest per channel.
    Recipe recipe;
    std::vector<LayerId> layers; ///< empty = all
    std::int64_t samples = 64;   ///< of the evaluation set, for whoever makes the Evaluator; 0 = all
};

/// The Hessians that the methods of the layers that are measured ask for.
std::set<HessianWish> sensitivityHessians(const Model &model, const SensitivityOptions &options,
                                          const MethodRegistry &methods);

/// Measures the table, row by row in topological order so that a common prefix is run once.
/// \param calibration  may be null when sensitivityHessians() is empty
/// \param rowFinished  called on the running thread with the table so far
Result<std::shared_ptr<const SensitivityTable>>
measureSensitivity(const Evaluator &evaluator, const Model &model, CaptureSource *calibration,
                   const MethodRegistry &methods, const SensitivityOptions &options,
                   const std::function<void(std::shared_ptr<const SensitivityTable>)> &rowFinished,
                   FindingList &findings, const RunContext &ctx);

} // namespace qs
