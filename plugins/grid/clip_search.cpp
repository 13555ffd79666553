#include "plugins/grid/clip_search.h"

#include "plugins/support/run_blocks.h"

#include <atomic>
#include <cmath>

namespace qs {
namespace {

constexpr std::size_t kLookAtCancel = 256; ///< rows of the Hessian between two looks
constexpr int kMostRounds = 20;            ///< of the search that moves one factor at a time

ClipRange rangeOf(std::span<const float> weights) {
    const auto [lo, hi] = std::minmax_element(weights.begin(), weights.end());
    return {std::min(0.0, static_cast<double>(*lo)), std::max(0.0, static_cast<double>(*hi))};
}

/// Code minus zero point of every weight. The mode is a constant here, so that the loop becomes vectors.
template <RoundingMode Mode>
void roundAll(std::span<const float> weights, ScaleZero grid, CodeRange codes, double *multiples) {
    const double scale = grid.scale;
    const double lowest = codes.lowest - grid.zeroPoint;
    const double highest = codes.highest - grid.zeroPoint;
    for (std::size_t j = 0; j < weights.size(); ++j) {
        const double multiple = roundTo(weights[j] / scale, Mode);
        const double raised = multiple < lowest ? lowest : multiple;
        multiples[j] = raised > highest ? highest : raised;
    }
}

void roundAll(std::span<const float> weights, ScaleZero grid, CodeRange codes, RoundingMode mode,
              double *multiples) {
    if (mode == RoundingMode::HalfEven)
        roundAll<RoundingMode::HalfEven>(weights, grid, codes, multiples);
    else if (mode == RoundingMode::HalfAway)
        roundAll<RoundingMode::HalfAway>(weights, grid, codes, multiples);
    else
        roundAll<RoundingMode::Floor>(weights, grid, codes, multiples);
}

/// The pairs of factors that were tried for one slice, and the best of them.
class FactorWalk {
public:
    FactorWalk(std::span<const float> weights, SliceError &error, const FactorSearch &search)
        : m_full(rangeOf(weights)), m_error(error), m_search(search), m_best(tryPair(0, 0)) {}

    void visit(int low, int high) {
        const SliceError::Trial trial = tryPair(low, high);
        if (!(trial.error < m_best.error))
            return;
        m_best = trial;
        m_low = low;
        m_high = high;
    }
    const SliceError::Trial &best() const { return m_best; }
    int low() const { return m_low; }
    int high() const { return m_high; }

private:
    double factor(int step) const { return 1 - step * (1 - m_search.smallest) / (m_search.steps - 1); }
    SliceError::Trial tryPair(int low, int high) {
        return m_error.at({m_full.lo * factor(low), m_full.hi * factor(high)});
    }

    const ClipRange m_full;
    SliceError &m_error;
    const FactorSearch &m_search;
    SliceError::Trial m_best;
    int m_low = 0, m_high = 0;
};

/// There and back, so that one pair always lies beside the one before.
void visitPairs(FactorWalk &walk, int steps, const std::function<bool()> &cancelled) {
    for (int low = 0; low < steps; ++low)
        for (int i = 0; i < steps && !cancelled(); ++i)
            walk.visit(low, low % 2 == 0 ? i : steps - 1 - i);
}

void visitAlternately(FactorWalk &walk, int steps, const std::function<bool()> &cancelled) {
    for (int round = 0; round < kMostRounds && !cancelled(); ++round) {
        const double before = walk.best().error;
        for (int i = 0, low = walk.low(); i < steps && !cancelled(); ++i)
            walk.visit(low, i);
        for (int i = steps - 1, high = walk.high(); i >= 0 && !cancelled(); --i)
            walk.visit(i, high);
        if (!(walk.best().error < before))
            return;
    }
}

} // namespace

SliceError::SliceError(std::span<const float> weights, const double *hessian, std::int64_t stride,
                       const ClipGridOptions &options, std::function<bool()> cancelled)
    : m_weights(weights), m_hessian(hessian), m_stride(stride), m_options(options),
      m_codes(codeRange(options.bits, options.convention)), m_cancelled(std::move(cancelled)),
      m_weightProduct(weights.size(), 0.0), m_next(weights.size()), m_multiples(weights.size(), 0.0),
      m_multipleProduct(weights.size(), 0.0) {
    for (std::size_t k = 0; k < weights.size(); ++k) {
        if (k % kLookAtCancel == 0 && m_cancelled())
            return;
        const double *row = hessian + static_cast<std::int64_t>(k) * stride;
        for (std::size_t j = 0; j < weights.size(); ++j)
            m_weightProduct[j] += weights[k] * row[j];
    }
    for (std::size_t j = 0; j < weights.size(); ++j)
        m_energy += weights[j] * m_weightProduct[j];
}

void SliceError::move(std::size_t column, double step) {
    const double *row = m_hessian + static_cast<std::int64_t>(column) * m_stride;
    m_multiples[column] += step;
    m_mixed += step * m_weightProduct[column];
    m_square += step * (2 * m_multipleProduct[column] + step * row[column]);
    for (std::size_t j = 0; j < m_multipleProduct.size(); ++j)
        m_multipleProduct[j] += step * row[j];
}

SliceError::Trial SliceError::at(ClipRange range) {
    const ScaleZero grid =
        gridForRange(range.lo, range.hi, m_options.bits, m_options.convention, m_options.float16Scales);
    roundAll(m_weights, grid, m_codes, m_options.rounding, m_next.data());
    for (std::size_t j = 0; j < m_weights.size(); ++j) {
        if (j % kLookAtCancel == 0 && m_cancelled())
            break;
        if (m_next[j] != m_multiples[j])
            move(j, m_next[j] - m_multiples[j]);
    }
    const double scale = grid.scale;
    return {grid, m_energy - 2 * scale * m_mixed + scale * scale * m_square};
}

Result<ClipResult> searchClips(MatrixView<const float> weights, const Slices &slices,
                               MatrixView<const double> hessian, const ClipGridOptions &options,
                               const ClipStrategy &strategy, const SolverServices &services) {
    ClipResult result;
    const auto count = static_cast<std::size_t>(slices.count());
    result.scales.resize(count);
    result.zeroPoints.resize(count);
    result.errors.resize(count);
    result.codes.resize(static_cast<std::size_t>(weights.size()));
    const CodeRange codes = codeRange(options.bits, options.convention);
    std::atomic<std::int64_t> done{0};
    QS_CHECK_OK(runBlocks(slices.count(), slices.perRow(), services, [&](auto begin, auto end) {
        for (auto i = begin; i < end && !services.cancelled(); ++i) {
            const std::span<const float> values(weights.data + slices.begin(i),
                                                static_cast<std::size_t>(slices.size(i)));
            SliceError error(values, &hessian(slices.firstColumn(i), slices.firstColumn(i)), hessian.cols,
                             options, services.cancelled);
            const SliceError::Trial best = strategy(values, error);
            result.scales[static_cast<std::size_t>(i)] = best.grid.scale;
            result.zeroPoints[static_cast<std::size_t>(i)] = best.grid.zeroPoint;
            result.errors[static_cast<std::size_t>(i)] = best.error;
            std::int16_t *code = result.codes.data() + slices.begin(i);
            for (float value : values)
                *code++ = static_cast<std::int16_t>(quantizeValue(value, best.grid, codes, options.rounding));
        }
        services.progress(done += end - begin, slices.count(), "searching clip ranges");
    }));
    return result;
}

ClipStrategy factorStrategy(const FactorSearch &search, const ClipGridOptions &options,
                            const std::function<bool()> &cancelled) {
    return [=](std::span<const float> weights, SliceError &error) {
        FactorWalk walk(weights, error, search);
        if (options.convention != GridConvention::Asymmetric)
            for (int i = 0; i < search.steps && !cancelled(); ++i)
                walk.visit(i, i);
        else if (search.everyPair)
            visitPairs(walk, search.steps, cancelled);
        else
            visitAlternately(walk, search.steps, cancelled);
        return walk.best();
    };
}

ClipStrategy magnitudeStrategy(int steps, double largestShrink, const std::function<bool()> &cancelled) {
    return [=](std::span<const float> weights, SliceError &error) {
        const ClipRange full = rangeOf(weights);
        const double largest = std::max(-full.lo, full.hi);
        SliceError::Trial best = error.at(full);
        // Just above the product: 0.5 · 20 must be ten steps whatever the last bit says.
        const int tried = static_cast<int>(std::floor(largestShrink * steps + 1e-9));
        for (int i = 1; i < tried && !cancelled(); ++i) {
            const double magnitude = largest * (1 - static_cast<double>(i) / steps);
            const SliceError::Trial trial =
                error.at({std::max(full.lo, -magnitude), std::min(full.hi, magnitude)});
            if (trial.error < best.error)
                best = trial;
        }
        return best;
    };
}

} // namespace qs
