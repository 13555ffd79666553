#pragma once

#include "core/session/run.h"

namespace qs {

/// A finished run in which every layer is quantized by rounding to nearest, activations on the grid of [-1,
/// 2]. No calibration, no metrics: for tests of what reads runs.
Run makeSampleRun(std::shared_ptr<const Model> model, const WeightGridScheme &scheme,
                  std::optional<GridScheme> activation = std::nullopt);

/// Opens a model or fails the test.
std::shared_ptr<const Model> openSample(const std::filesystem::path &file);

/// A request to round all layers of a sample to nearest, calibrated and evaluated on the first `samples` of
/// the set, or fails the test. Not measured layer by layer.
RunRequest sampleRequest(const std::filesystem::path &model, const std::filesystem::path &data,
                         std::int64_t samples, const WeightChoice &weights);

/// Float values that look random, the same everywhere, in [-amplitude, amplitude].
Tensor sampleValues(Shape shape, std::uint64_t seed, float amplitude = 1.0f);

} // namespace qs
