#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace qs {

/// Adam with the usual constants, for arrays that are stepped in parts.
/// \source Kingma, Ba 2015, arXiv:1412.6980, algorithm 1
class Adam {
public:
    explicit Adam(std::size_t size) : m_first(size, 0.0f), m_second(size, 0.0f) {}

    /// Starts the next step: all its change() calls follow.
    void nextStep() {
        ++m_steps;
        m_firstCorrection = 1 / (1 - std::pow(kFirst, m_steps));
        m_secondCorrection = 1 / (1 - std::pow(kSecond, m_steps));
    }
    /// How much variable i changes at learning rate 1.
    float change(std::size_t i, float gradient) {
        m_first[i] += static_cast<float>(1 - kFirst) * (gradient - m_first[i]);
        m_second[i] += static_cast<float>(1 - kSecond) * (gradient * gradient - m_second[i]);
        const auto mean = m_first[i] * static_cast<float>(m_firstCorrection);
        const auto square = m_second[i] * static_cast<float>(m_secondCorrection);
        // The constant keeps its distance from tiny gradients: losses here have no scale of their own.
        return square > 0 ? -mean / (std::sqrt(square) + 1e-20f) : 0.0f;
    }

private:
    static constexpr double kFirst = 0.9, kSecond = 0.999;
    std::vector<float> m_first, m_second;
    int m_steps = 0;
    double m_firstCorrection = 1, m_secondCorrection = 1;
};

} // namespace qs
