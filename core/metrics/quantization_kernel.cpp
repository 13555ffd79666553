#include "core/metrics/quantization_kernel.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

std::vector<float> channelMaximaOf(MatrixView<const float> values) {
    std::vector<float> maxima(static_cast<std::size_t>(values.cols), 0.0f);
    for (std::int64_t token = 0; token < values.rows; ++token)
        for (std::int64_t channel = 0; channel < values.cols; ++channel) {
            float &largest = maxima[static_cast<std::size_t>(channel)];
            largest = std::max(largest, std::abs(values(token, channel)));
        }
    return maxima;
}

/// 0 for an empty slice also at exponent 0, where pow() would say 1.
double power(float maximum, double exponent) {
    return maximum > 0 ? std::pow(static_cast<double>(maximum), exponent) : 0;
}

} // namespace

CrossQuantizer::CrossQuantizer(MatrixView<const float> values, int bits, double alpha)
    : CrossQuantizer(values, channelMaximaOf(values), bits, alpha) {}

CrossQuantizer::CrossQuantizer(MatrixView<const float> values, std::vector<float> channelMaxima, int bits,
                               double alpha)
    : m_values(values), m_largestCode((1 << (bits - 1)) - 1) {
    for (std::int64_t token = 0; token < values.rows; ++token) {
        float largest = 0;
        for (float value : values.row(token))
            largest = std::max(largest, std::abs(value));
        m_tokenFactor.push_back(power(largest, alpha) / m_largestCode);
    }
    for (float maximum : channelMaxima)
        m_channelFactor.push_back(power(maximum, 1 - alpha));
}

double CrossQuantizer::step(std::int64_t token, std::int64_t channel) const {
    return m_tokenFactor[static_cast<std::size_t>(token)] *
           m_channelFactor[static_cast<std::size_t>(channel)];
}

int CrossQuantizer::code(std::int64_t token, std::int64_t channel) const {
    const double size = step(token, channel);
    if (size == 0)
        return 0;
    const double code = std::nearbyint(m_values(token, channel) / size);
    return static_cast<int>(std::clamp(code, -m_largestCode, m_largestCode));
}

double QuantizationKernel::proportion() const {
    const auto counted = static_cast<std::int64_t>(members.size()) - zeros;
    return counted == 0 ? 0 : static_cast<double>(count) / static_cast<double>(counted);
}

QuantizationKernel quantizationKernel(MatrixView<const float> values, int bits, double alpha,
                                      bool excludeZeros) {
    const CrossQuantizer quantizer(values, bits, alpha);
    QuantizationKernel kernel;
    kernel.members.reserve(static_cast<std::size_t>(values.size()));
    double squaredError = 0;
    for (std::int64_t token = 0; token < values.rows; ++token)
        for (std::int64_t channel = 0; channel < values.cols; ++channel) {
            const double value = values(token, channel);
            const int code = quantizer.code(token, channel);
            const double error = code * quantizer.step(token, channel) - value;
            squaredError += error * error;
            const bool leftOut = excludeZeros && value == 0;
            const bool member = code == 0 && !leftOut;
            kernel.members.push_back(member ? 1 : 0);
            kernel.count += member ? 1 : 0;
            kernel.zeros += leftOut ? 1 : 0;
        }
    if (values.size() > 0)
        kernel.mse = squaredError / static_cast<double>(values.size());
    return kernel;
}

} // namespace qs
