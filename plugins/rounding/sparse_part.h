#pragma once

#include "core/tensor/matrix_view.h"

#include <cstdint>
#include <vector>

namespace qs {

/// The sparse part S of outlier-aware QuantEase, W ≈ Q + S.
class SparsePart {
public:
    /// Starts with the largest weights, or with the columns of the largest norm.
    /// \param share         ρ, 0..1
    /// \param wholeColumns  S consists of columns
    SparsePart(MatrixView<const float> weights, double share, bool wholeColumns);

    /// float32 [rows, cols]; 0 outside of the support.
    MatrixView<const float> values() const { return {m_values.data(), m_rows, m_cols}; }
    /// Room for the next S, where proposals are added up; keepLargest() makes it sparse again.
    MatrixView<float> proposal() { return {m_values.data(), m_rows, m_cols}; }
    /// Keeps what is largest and sets the rest to 0. Ties go to the lower index.
    void keepLargest();
    bool empty() const { return m_count == 0; }
    /// Elements of the support, ascending.
    std::vector<std::int64_t> support() const;

private:
    void keepLargestElements();
    void keepLargestColumns();

    const std::int64_t m_rows, m_cols;
    const bool m_wholeColumns;
    const std::int64_t m_count; ///< elements, or columns
    std::vector<float> m_values;
    std::vector<bool> m_kept; ///< by element
};

} // namespace qs
