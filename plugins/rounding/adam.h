#pragma once

#include <Eigen/Core>
#include <cmath>

namespace qs {

/// Moments of the gradients of a matrix of parameters. \source Kingma, Ba 2014, arXiv:1412.6980
class Adam {
public:
    Adam(Eigen::Index rows, Eigen::Index cols)
        : m_mean(Eigen::MatrixXf::Zero(rows, cols)), m_square(Eigen::MatrixXf::Zero(rows, cols)) {}

    /// To be called once before the columns of an iteration; iterations count from 1.
    void begin(int iteration) {
        m_meanCorrection = static_cast<float>(1.0 / (1.0 - std::pow(kDecayMean, iteration)));
        m_squareCorrection = static_cast<float>(1.0 / (1.0 - std::pow(kDecaySquare, iteration)));
    }
    /// How far to move the parameters of a column against the gradient, for a learning rate of 1.
    template <typename Gradient>
    auto step(Eigen::Index col, const Eigen::ArrayBase<Gradient> &gradient) {
        auto mean = m_mean.col(col).array();
        auto square = m_square.col(col).array();
        mean += (1.0f - static_cast<float>(kDecayMean)) * (gradient - mean);
        square += (1.0f - static_cast<float>(kDecaySquare)) * (gradient.square() - square);
        return (mean * m_meanCorrection) / ((square * m_squareCorrection).sqrt() + kEpsilon);
    }

private:
    static constexpr double kDecayMean = 0.9, kDecaySquare = 0.999;
    static constexpr float kEpsilon = 1e-8f;

    Eigen::MatrixXf m_mean, m_square;
    float m_meanCorrection = 1, m_squareCorrection = 1;
};

} // namespace qs
