#include "plugins/rounding/spqr_panel.h"

#include "core/tensor/convert.h"
#include "plugins/rounding/grid_refit.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qs {
namespace {

using Eigen::Index;

constexpr std::int64_t kLeafColumns = 32; ///< columns that are rounded one by one between two products

float toFloat16(double value) {
    return float16ToFloat(floatToFloat16(static_cast<float>(std::clamp(value, -65504.0, 65504.0))));
}

} // namespace

SecondLevel SecondLevel::of(std::span<const float> values, int bits) {
    const auto [lowest, highest] = std::minmax_element(values.begin(), values.end());
    const float low = toFloat16(*lowest);
    return {low, toFloat16((static_cast<double>(*highest) - low) / ((1 << bits) - 1))};
}

float SecondLevel::nearest(float value, int bits) const {
    if (step <= 0.0f)
        return low;
    const double code = std::nearbyint((static_cast<double>(value) - low) / step);
    return low + step * static_cast<float>(std::clamp<double>(code, 0, (1 << bits) - 1));
}

SpqrPanel::SpqrPanel(SpqrShared &shared, std::int64_t firstRow, std::int64_t rows)
    : FeedbackPanel(shared, firstRow, rows, kLeafColumns), m_shared(shared), m_scheme(shared.grids.scheme),
      m_groupSize(shared.grids.groupSize()), m_steps(m_scheme.range.highest - m_scheme.range.lowest),
      m_scales(static_cast<std::size_t>(rows)), m_zeros(static_cast<std::size_t>(rows)) {}

void SpqrPanel::roundColumn(std::int64_t position, std::int16_t *codes) {
    if (position % m_groupSize == 0)
        fitGroup(position);
    const std::int64_t column = columnAt(position);
    const double sensitivity = m_shared.factor.diagonal[position];
    for (Index row = 0; row < m_rows; ++row) {
        const SliceGrid grid{m_scales[static_cast<std::size_t>(row)], m_zeros[static_cast<std::size_t>(row)]};
        const float target = m_targets(row, position);
        std::int32_t code = codeOf(target, grid, m_scheme);
        float value = valueOf(code, grid);
        const double missed = (static_cast<double>(target) - value) * sensitivity;
        const float kept = float16ToFloat(floatToFloat16(target));
        if (missed * missed > m_shared.threshold && std::isfinite(kept)) {
            code = codeOf(0.0f, grid, m_scheme);
            value = kept;
            const std::int64_t absolute = m_firstRow + row;
            m_shared.kept[static_cast<std::size_t>(absolute)].add(absolute * m_cols + column, kept);
        }
        codes[row] = static_cast<std::int16_t>(code);
        m_errors(row, position) = m_weights(row, position) - value;
    }
}

/// Fits the grids of the group that starts here to the weights as the rounding so far has left them.
void SpqrPanel::fitGroup(std::int64_t position) {
    const std::int64_t count = std::min(m_groupSize, m_cols - position);
    const Columns values = conditionalWeights(position, position + count);
    const Eigen::VectorXd sensitivity = m_shared.factor.diagonal.segment(position, count).cwiseAbs2();
    std::vector<float> slice(static_cast<std::size_t>(count));
    std::vector<RealRange> ranges(static_cast<std::size_t>(m_rows));
    for (Index row = 0; row < m_rows && !cancelled(); ++row) {
        for (Index col = 0; col < count; ++col)
            slice[static_cast<std::size_t>(col)] = values(row, col);
        ranges[static_cast<std::size_t>(row)] =
            rangeOf(slice, {sensitivity.data(), static_cast<std::size_t>(count)});
    }
    if (!cancelled())
        storeGrids(position / m_groupSize, ranges);
}

/// Range of the values of a group that are no likely outliers.
RealRange SpqrPanel::rangeOf(std::span<float> slice, std::span<const double> sensitivity) const {
    double lowest = std::numeric_limits<double>::infinity();
    double highest = -lowest;
    if (m_shared.options.leaveOneOut && slice.size() > 1) {
        const std::vector<double> gains = leaveOneOutGains(slice, sensitivity, m_steps, m_scheme.rounding);
        for (std::size_t i = 0; i < slice.size(); ++i)
            if (gains[i] <= m_shared.threshold) {
                lowest = std::min<double>(lowest, slice[i]);
                highest = std::max<double>(highest, slice[i]);
            }
    }
    if (lowest > highest) { // all of them, or not looked for
        const auto [low, high] = std::minmax_element(slice.begin(), slice.end());
        lowest = *low;
        highest = *high;
    }
    return RealRange::of(lowest, highest);
}

void SpqrPanel::storeGrids(std::int64_t group, const std::vector<RealRange> &ranges) {
    const auto step = static_cast<std::size_t>(m_shared.options.gridRows);
    for (std::size_t first = 0; first < ranges.size(); first += step)
        storeBlock(group, static_cast<std::int64_t>(first),
                   std::span(ranges).subspan(first, std::min(step, ranges.size() - first)));
}

/// Scales and zero points of neighbouring rows as they will be stored: codes of a few bits on a grid of their
/// own. Zero points belong to the stored scales, so that the low end of each range stays where it is.
void SpqrPanel::storeBlock(std::int64_t group, std::int64_t first, std::span<const RealRange> ranges) {
    const int bits = m_shared.options.gridBits;
    std::vector<float> scales, zeros;
    for (const RealRange &range : ranges)
        scales.push_back(storableScale((range.hi - range.lo) / m_steps, true));
    const SecondLevel scaleLevel = SecondLevel::of(scales, bits);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        scales[i] = storableScale(scaleLevel.nearest(scales[i], bits), m_scheme.float16Scales);
        zeros.push_back(static_cast<float>(m_scheme.range.lowest - ranges[i].lo / scales[i]));
    }
    const SecondLevel zeroLevel = SecondLevel::of(zeros, bits);
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const std::size_t row = static_cast<std::size_t>(first) + i;
        m_scales[row] = scales[i];
        m_zeros[row] = zeroLevel.nearest(zeros[i], bits);
        m_shared.grids.set(m_firstRow + static_cast<std::int64_t>(row), group, {m_scales[row], m_zeros[row]});
    }
}

} // namespace qs
