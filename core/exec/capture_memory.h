#pragma once

#include "core/exec/capture.h"

namespace qs {

/// What a calibration pass needs, in bytes; weights and the scratch of kernels are not counted.
struct CaptureMemory {
    std::int64_t activations = 0; ///< most that is alive at once while a batch runs, its inputs included
    std::int64_t statistics = 0;  ///< of all layers, as gathered and as handed out
    std::int64_t hessians = 0;    ///< sums, and the largest one while it is finished
    bool complete = true;         ///< false: some shapes could not be worked out, activations may be more

    std::int64_t total() const { return activations + statistics + hessians; }
};

/// Works it out from shapes, without running anything. \param batch  the inputs of one batch
/// \error Cancelled
Result<CaptureMemory> planCaptureMemory(const Model &model, const CaptureOptions &options,
                                        const std::vector<Shape> &batch, const RunContext &ctx);

/// \error OutOfMemory  all together exceeds options.memoryLimit; says what each needs
/// \param findings  receives what could not be worked out
Status checkLimit(const CaptureMemory &memory, const Model &model, const CalibrationSet &set,
                  const CaptureOptions &options, FindingList &findings);

/// The shapes of the largest batch of a calibration, from the catalogue of the set.
Result<std::vector<Shape>> batchShapes(const Model &model, const CalibrationSet &set,
                                       const CaptureOptions &options);

/// What these Hessians need: their sums, and what finishing the largest takes.
std::int64_t hessianRoom(const Model &model, const std::set<HessianWish> &wishes);

/// "12.3 MiB".
std::string mebibytes(std::int64_t bytes);

} // namespace qs
