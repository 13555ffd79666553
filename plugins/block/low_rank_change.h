#pragma once

#include "core/numeric/adam.h"

#include <functional>

namespace qs {

/// A change A1 · A2 of a matrix, of low rank, learned in place of the matrix (LoRA-rounding). A1 starts at
/// random, A2 at 0, so that the change starts at 0. \source CBQ, Ding et al. 2023, arXiv:2312.07950; methods
/// A, A27 (the start is our choice)
class LowRankChange {
public:
    /// \param uniform  numbers in [0, 1) by index, for the start
    LowRankChange(std::int64_t rows, std::int64_t cols, std::int64_t rank,
                  const std::function<double(std::uint64_t index)> &uniform);

    /// One step of Adam. \param gradient  by the changed matrix, row-major [rows, cols]
    void step(const std::vector<float> &gradient, double learningRate);
    /// dst = base + A1 · A2, row-major [rows, cols].
    void addTo(const std::vector<float> &base, std::vector<float> &dst) const;

private:
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using View = Eigen::Map<const Matrix>;
    Eigen::Index m_rows, m_cols;
    Matrix m_left, m_right; ///< A1 [rows, rank], A2 [rank, cols]
    Adam m_leftAdam, m_rightAdam;
};

} // namespace qs
