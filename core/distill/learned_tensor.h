#pragma once

#include "core/numeric/adam.h"
#include "core/tensor/tensor.h"

namespace qs {

/// A float32 tensor that Adam steps. Every step makes a new tensor: records of passes hold the old one.
class LearnedTensor {
public:
    explicit LearnedTensor(Tensor start)
        : m_value(std::move(start)), m_adam(static_cast<std::size_t>(m_value.numel())) {}

    const Tensor &value() const { return m_value; }
    /// To be changed between a step and the next pass only.
    Tensor &value() { return m_value; }

    /// \param gradient  float32 of the same shape
    void step(const Tensor &gradient, double rate) {
        const auto slopes = gradient.values<float>(), before = m_value.values<float>();
        Tensor after = Tensor::allocate(DType::Float32, m_value.shape());
        const auto dst = after.mutableValues<float>();
        m_adam.nextStep();
        for (std::size_t i = 0; i < dst.size(); ++i)
            dst[i] = before[i] + static_cast<float>(rate) * m_adam.change(i, slopes[i]);
        m_value = std::move(after);
    }

private:
    Tensor m_value;
    Adam m_adam;
};

} // namespace qs
