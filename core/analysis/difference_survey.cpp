#include "core/analysis/difference_survey.h"

#include "core/base/parallel.h"
#include "core/graph/weight_difference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

constexpr std::int64_t kBlock = 1 << 16;

void addValues(WeightChange &change, std::span<const float> tuned, std::span<const float> base) {
    for (std::size_t i = 0; i < tuned.size(); ++i) {
        const double t = tuned[i], b = base[i], delta = t - b;
        if (!std::isfinite(t) || !std::isfinite(b)) {
            ++change.notFinite;
            continue;
        }
        ++change.count;
        change.unchanged += t == b;
        change.baseSquares += b * b;
        change.tunedSquares += t * t;
        change.products += t * b;
        change.deltaSquares += delta * delta;
        change.deltaMagnitudes += std::abs(delta);
        change.largest = std::max(change.largest, std::abs(delta));
    }
}

void add(WeightChange &sum, const WeightChange &part) {
    sum.count += part.count;
    sum.notFinite += part.notFinite;
    sum.unchanged += part.unchanged;
    sum.baseSquares += part.baseSquares;
    sum.tunedSquares += part.tunedSquares;
    sum.products += part.products;
    sum.deltaSquares += part.deltaSquares;
    sum.deltaMagnitudes += part.deltaMagnitudes;
    sum.largest = std::max(sum.largest, part.largest);
}

Result<WeightChange> changeOf(const Layer &layer, const WeightDifference &difference, const RunContext &ctx) {
    QS_TRY(const Tensor tuned, matrixOf(difference.tuned, layer.outChannels, layer.inPerOut));
    QS_TRY(const Tensor base, matrixOf(difference.base, layer.outChannels, layer.inPerOut));
    std::vector<WeightChange> parts(static_cast<std::size_t>((tuned.numel() + kBlock - 1) / kBlock));
    QS_CHECK_OK(parallelFor(tuned.numel(), kBlock, ctx, [&](std::int64_t begin, std::int64_t end) {
        const auto first = static_cast<std::size_t>(begin), size = static_cast<std::size_t>(end - begin);
        addValues(parts[static_cast<std::size_t>(begin / kBlock)], tuned.values<float>().subspan(first, size),
                  base.values<float>().subspan(first, size));
    }));
    WeightChange change = totalChange(parts);
    change.layer = layer.id;
    return change;
}

} // namespace

double WeightChange::baseNorm() const {
    return std::sqrt(baseSquares);
}

double WeightChange::deltaNorm() const {
    return std::sqrt(deltaSquares);
}

double WeightChange::relativeNorm() const {
    if (baseSquares > 0)
        return deltaNorm() / baseNorm();
    return deltaSquares > 0 ? std::numeric_limits<double>::infinity() : 0;
}

double WeightChange::cosine() const {
    if (baseSquares == 0 && tunedSquares == 0)
        return 1;
    const double norms = std::sqrt(baseSquares) * std::sqrt(tunedSquares);
    return norms > 0 ? products / norms : 0;
}

double WeightChange::meanMagnitude() const {
    return count > 0 ? deltaMagnitudes / static_cast<double>(count) : 0;
}

double WeightChange::unchangedShare() const {
    return count > 0 ? static_cast<double>(unchanged) / static_cast<double>(count) : 0;
}

WeightChange totalChange(const std::vector<WeightChange> &changes) {
    WeightChange total;
    for (const WeightChange &change : changes)
        add(total, change);
    return total;
}

Result<std::vector<WeightChange>> surveyDifference(const Model &model,
                                                   const std::function<void(const WeightChange &)> &found,
                                                   const RunContext &ctx) {
    if (!isDifference(model.graph))
        return fail(ErrorCode::InvalidArgument, "is no difference of two checkpoints",
                    model.file.filename().string());
    std::vector<WeightChange> changes;
    const auto layers = static_cast<std::int64_t>(model.layers.size());
    for (const Layer &layer : model.layers) {
        ctx.step(layer.id, layers, "comparing weights");
        auto change = changeOf(layer, *weightDifference(layer, model.graph), ctx);
        if (!change)
            return fail(std::move(change).error().withContext(layer.name));
        changes.push_back(*change);
        if (found)
            found(changes.back());
    }
    ctx.step(layers, layers, "comparing weights");
    return changes;
}

} // namespace qs
