#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <vector>

namespace qs {

/// Adam with the usual constants, for arrays that are stepped in parts: element by element or in stretches.
/// \source Kingma, Ba 2015, arXiv:1412.6980, algorithm 1
class Adam {
public:
    /// \param epsilon  keeps steps small where gradients are tiny; next to none by default, for losses that
    ///                 have no scale of their own
    explicit Adam(std::size_t size, float epsilon = 1e-20f)
        : m_mean(size, 0.0f), m_square(size, 0.0f), m_epsilon(epsilon) {}

    /// Starts the next step: the change() calls of all elements follow.
    void nextStep() {
        ++m_steps;
        m_meanCorrection = static_cast<float>(1.0 / (1.0 - std::pow(kDecayMean, m_steps)));
        m_squareCorrection = static_cast<float>(1.0 / (1.0 - std::pow(kDecaySquare, m_steps)));
    }
    /// How much variable i changes at learning rate 1.
    float change(std::size_t i, float gradient) {
        m_mean[i] += static_cast<float>(1.0 - kDecayMean) * (gradient - m_mean[i]);
        m_square[i] += static_cast<float>(1.0 - kDecaySquare) * (gradient * gradient - m_square[i]);
        return -m_mean[i] * m_meanCorrection / (std::sqrt(m_square[i] * m_squareCorrection) + m_epsilon);
    }
    /// The same for the variables from `first` on; an expression, to be read once.
    template <typename Gradient>
    auto change(std::size_t first, const Eigen::ArrayBase<Gradient> &gradient) {
        Eigen::Map<Eigen::ArrayXf> mean(m_mean.data() + first, gradient.size());
        Eigen::Map<Eigen::ArrayXf> square(m_square.data() + first, gradient.size());
        mean += static_cast<float>(1.0 - kDecayMean) * (gradient - mean);
        square += static_cast<float>(1.0 - kDecaySquare) * (gradient.square() - square);
        return -(mean * m_meanCorrection) / ((square * m_squareCorrection).sqrt() + m_epsilon);
    }

private:
    static constexpr double kDecayMean = 0.9, kDecaySquare = 0.999;

    std::vector<float> m_mean, m_square;
    float m_epsilon;
    int m_steps = 0;
    float m_meanCorrection = 1, m_squareCorrection = 1;
};

} // namespace qs
