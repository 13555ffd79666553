#include "plugins/rounding/sparse_part.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace qs {
namespace {

/// The `count` largest of the values, ties to the lower index.
std::vector<bool> largest(const std::vector<float> &values, std::int64_t count) {
    std::vector<bool> kept(values.size(), false);
    if (count <= 0)
        return kept;
    std::vector<float> sorted = values;
    const auto threshold = sorted.begin() + (count - 1);
    std::nth_element(sorted.begin(), threshold, sorted.end(), std::greater<>());
    std::int64_t ties =
        count - std::count_if(values.begin(), values.end(), [&](float value) { return value > *threshold; });
    for (std::size_t i = 0; i < values.size(); ++i)
        kept[i] = values[i] > *threshold || (values[i] == *threshold && ties-- > 0);
    return kept;
}

std::int64_t countOf(double share, std::int64_t total) {
    return std::clamp<std::int64_t>(std::llround(share * static_cast<double>(total)), 0, total);
}

} // namespace

SparsePart::SparsePart(MatrixView<const float> weights, double share, bool wholeColumns)
    : m_rows(weights.rows), m_cols(weights.cols), m_wholeColumns(wholeColumns),
      m_count(countOf(share, wholeColumns ? weights.cols : weights.size())),
      m_values(weights.data, weights.data + weights.size()) {
    keepLargest();
}

void SparsePart::keepLargest() {
    if (m_wholeColumns)
        keepLargestColumns();
    else
        keepLargestElements();
    for (std::size_t i = 0; i < m_values.size(); ++i)
        if (!m_kept[i])
            m_values[i] = 0.0f;
}

void SparsePart::keepLargestElements() {
    std::vector<float> magnitudes(m_values.size());
    std::transform(m_values.begin(), m_values.end(), magnitudes.begin(),
                   [](float value) { return std::abs(value); });
    m_kept = largest(magnitudes, m_count);
}

void SparsePart::keepLargestColumns() {
    std::vector<double> energy(static_cast<std::size_t>(m_cols), 0.0);
    for (std::size_t i = 0; i < m_values.size(); ++i)
        energy[i % energy.size()] += static_cast<double>(m_values[i]) * m_values[i];
    const std::vector<bool> columns =
        largest({energy.begin(), energy.end()}, m_count); // as float: ties by column
    m_kept.resize(m_values.size());
    for (std::size_t i = 0; i < m_values.size(); ++i)
        m_kept[i] = columns[i % energy.size()];
}

std::vector<std::int64_t> SparsePart::support() const {
    std::vector<std::int64_t> elements;
    for (std::size_t i = 0; i < m_kept.size(); ++i)
        if (m_kept[i])
            elements.push_back(static_cast<std::int64_t>(i));
    return elements;
}

} // namespace qs
