#include "core/quant/region_grid.h"

#include "core/quant/range_rule.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

constexpr int kFirstShare = 30, kLastShare = 100; ///< percent of the largest value

/// In float arithmetic, as QuantizeLinear of ONNX computes.
class RegionRounder {
public:
    RegionRounder(const RegionGrid &grid, int bits, RoundingMode rounding)
        : m_step(grid.step), m_negativeStep(grid.negativeStep()),
          m_count(static_cast<float>(1 << (bits - 1))), m_rounding(rounding) {}

    float operator()(float value) const {
        return value >= 0 ? std::clamp(round(value / m_step), 0.0f, m_count - 1) * m_step
                          : std::clamp(round(value / m_negativeStep), -m_count, 0.0f) * m_negativeStep;
    }

private:
    float round(float value) const {
        return m_rounding == RoundingMode::HalfEven
                   ? std::nearbyint(value)
                   : static_cast<float>(roundTo(static_cast<double>(value), m_rounding));
    }

    float m_step, m_negativeStep, m_count;
    RoundingMode m_rounding;
};

/// Mean over the histogram, every value at the middle of its bin.
template <typename Rounded>
double meanSquaredError(const Histogram &histogram, Rounded rounded) {
    double sum = 0;
    for (int bin = 0; bin < histogram.bins(); ++bin) {
        const auto count = static_cast<double>(histogram.counts()[static_cast<std::size_t>(bin)]);
        if (count == 0)
            continue;
        const auto value = static_cast<float>(histogram.binCenter(bin));
        const double error = static_cast<double>(rounded(value)) - value;
        sum += count * error * error;
    }
    return sum / std::max(1.0, static_cast<double>(histogram.total()));
}

double plainError(const Histogram &histogram, double lo, double hi, int bits, RoundingMode rounding) {
    double best = std::numeric_limits<double>::infinity();
    for (const auto kind : {RangeRule::Kind::MinMax, RangeRule::Kind::Mse}) {
        GridScheme scheme{bits, GridConvention::Asymmetric, {}, rounding};
        scheme.rule.kind = kind;
        const ValueRange range = chooseRangeFromHistogram(histogram, lo, hi, scheme);
        const ScaleZero grid = gridForRange(range.lo, range.hi, bits, scheme.convention);
        const CodeRange codes = codeRange(bits, scheme.convention);
        best = std::min(best, meanSquaredError(histogram, [&](float value) {
                            const double code = roundTo(static_cast<double>(value / grid.scale), rounding);
                            const double clamped =
                                std::clamp(code + grid.zeroPoint, static_cast<double>(codes.lowest),
                                           static_cast<double>(codes.highest));
                            return static_cast<float>((clamped - grid.zeroPoint) * grid.scale);
                        }));
    }
    return best;
}

} // namespace

RegionChoice chooseRegions(const Histogram &histogram, double lo, double hi, int bits,
                           RoundingMode rounding) {
    const double largest = std::max({hi, -lo, 1e-30});
    RegionChoice choice;
    choice.squaredError = std::numeric_limits<double>::infinity();
    for (int shift = 0; shift <= kMaxRegionShift; ++shift)
        for (int share = kLastShare; share >= kFirstShare; --share) {
            const double step = largest * share / 100.0 / ((1 << (bits - 1)) - 1);
            const RegionGrid grid{static_cast<float>(step), shift};
            const double error = meanSquaredError(histogram, RegionRounder(grid, bits, rounding));
            if (error < choice.squaredError) {
                choice.grid = grid;
                choice.squaredError = error;
            }
        }
    choice.plainSquaredError = plainError(histogram, lo, hi, bits, rounding);
    return choice;
}

Tensor regionQuantize(const Tensor &values, const RegionGrid &grid, int bits, RoundingMode rounding) {
    Tensor result = Tensor::allocate(DType::Float32, values.shape());
    std::ranges::transform(values.values<float>(), result.mutableValues<float>().begin(),
                           RegionRounder(grid, bits, rounding));
    return result;
}

} // namespace qs
