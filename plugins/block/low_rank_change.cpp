#include "plugins/block/low_rank_change.h"

#include <algorithm>
#include <numbers>

namespace qs {
LowRankChange::LowRankChange(std::int64_t rows, std::int64_t cols, std::int64_t rank,
                             const std::function<double(std::uint64_t index)> &uniform)
    : m_rows(rows), m_cols(cols), m_left(rows, rank), m_right(Matrix::Zero(rank, cols)),
      m_leftAdam(static_cast<std::size_t>(rows * rank)), m_rightAdam(static_cast<std::size_t>(rank * cols)) {
    // Normal numbers of variance 1 / rank (Box, Muller): a step of A2 moves every element about as far,
    // whatever the rank.
    for (Eigen::Index i = 0; i < m_left.size(); ++i) {
        const auto at = static_cast<std::uint64_t>(2 * i);
        const double radius = std::sqrt(-2 * std::log(std::max(uniform(at), 1e-12)));
        m_left.data()[i] = static_cast<float>(radius * std::cos(2 * std::numbers::pi * uniform(at + 1)) /
                                              std::sqrt(static_cast<double>(rank)));
    }
}

void LowRankChange::step(const std::vector<float> &gradient, double learningRate) {
    const View above(gradient.data(), m_rows, m_cols);
    const Matrix left = above * m_right.transpose(), right = m_left.transpose() * above;
    const auto rate = static_cast<float>(learningRate);
    const auto move = [rate](Matrix &values, Adam &adam, const Matrix &slope) {
        adam.nextStep();
        Eigen::Map<Eigen::ArrayXf> flat(values.data(), values.size());
        flat += rate * adam.change(0, Eigen::Map<const Eigen::ArrayXf>(slope.data(), slope.size()));
    };
    move(m_left, m_leftAdam, left);
    move(m_right, m_rightAdam, right);
}

void LowRankChange::addTo(const std::vector<float> &base, std::vector<float> &dst) const {
    dst.resize(base.size());
    Eigen::Map<Matrix>(dst.data(), m_rows, m_cols) = View(base.data(), m_rows, m_cols) + m_left * m_right;
}

} // namespace qs
