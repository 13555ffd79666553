#include "tests/support/extended_weights.h"

#include "tests/support/sample_run.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

float largestScale(const QuantizedMatrix &matrix) {
    return *std::max_element(matrix.scales.begin(), matrix.scales.end());
}

void addRealZeroPoints(QuantizedMatrix &matrix) {
    const auto lowest = codeRange(matrix.bits, matrix.convention).lowest;
    for (std::size_t i = 0; i < matrix.zeroPoints.size(); ++i)
        matrix.realZeroPoints.push_back(static_cast<float>(matrix.zeroPoints[i]) +
                                        0.1f * static_cast<float>(i % 9) - 0.4f);
    matrix.zeroPoints.assign(matrix.zeroPoints.size(), lowest);
}

void addLevels(QuantizedMatrix &matrix) {
    const CodeRange range = codeRange(matrix.bits, matrix.convention);
    const std::int32_t middle = (range.lowest + range.highest + 1) / 2;
    const int count = 1 << matrix.bits;
    for (int i = 0; i < count; ++i) {
        const auto code = static_cast<float>(range.lowest + i - middle);
        matrix.levels.push_back(code * (1 + 0.02f * std::abs(code)));
    }
    matrix.zeroPoints.assign(matrix.zeroPoints.size(), range.lowest);
}

void keepSome(QuantizedMatrix &matrix) {
    for (std::int64_t i = 3; i < matrix.rows * matrix.cols; i += 7) {
        const std::int64_t row = i / matrix.cols, col = i % matrix.cols;
        matrix.kept.push_back(
            {row, col, 2.5f * matrix.scales[static_cast<std::size_t>(matrix.slice(row, col))]});
    }
}

} // namespace

QuantizedLayer extended(const QuantizedLayer &quantized, const Layer &layer, Extension extension) {
    QuantizedLayer changed = quantized;
    auto matrix = std::make_shared<QuantizedMatrix>(*quantized.weight);
    const bool isPlain = layer.kind != LayerKind::Embedding && layer.groups == 1;
    switch (extension) {
    case Extension::RealZeroPoints:
        addRealZeroPoints(*matrix);
        break;
    case Extension::Levels:
        addLevels(*matrix);
        break;
    case Extension::Kept:
        keepSome(*matrix);
        break;
    case Extension::Branch:
        if (isPlain)
            matrix->branch = {sampleValues(Shape{2, matrix->cols}, 1, largestScale(*matrix)),
                              sampleValues(Shape{matrix->rows, 2}, 2)};
        break;
    case Extension::Offset:
        if (layer.kind != LayerKind::Embedding) {
            const Tensor offset = sampleValues(Shape{layer.outChannels}, 3, 0.05f);
            changed.outputOffset.assign(offset.values<float>().begin(), offset.values<float>().end());
        }
        break;
    }
    changed.weight = std::move(matrix);
    return changed;
}

Run extendedRun(Run run, const std::vector<Extension> &extensions) {
    for (auto &result : run.layers) {
        auto changed = std::make_shared<LayerResult>(*result);
        const Layer &layer = run.model->layers[static_cast<std::size_t>(result->layer)];
        for (const Extension extension : extensions)
            changed->quantized = extended(changed->quantized, layer, extension);
        result = std::move(changed);
    }
    return run;
}

} // namespace qs
