#pragma once

#include "plugins/transform/site.h"
#include "tests/support/hessian_fixture.h"

#include <deque>

namespace qs::test {

/// A site with its calibration data, as the host would pass it.
class SiteFixture {
public:
    /// \param inputs  [tokens, channels];  \param weights  of one reader, [rows, channels]
    SiteFixture(const RowMajorD &inputs, const RowMajorD &weights) : m_inputs(inputs.cast<float>()) {
        const RowMajorD exact = m_inputs.cast<double>();
        m_hessian = 2.0 / static_cast<double>(exact.rows()) * exact.transpose() * exact;
        m_minimum = m_inputs.colwise().minCoeff();
        m_maximum = m_inputs.colwise().maxCoeff();
        m_meanMagnitude = m_inputs.cwiseAbs().colwise().mean();
        site.channels = m_inputs.cols();
        site.inputs = {m_inputs.data(), m_inputs.rows(), m_inputs.cols()};
        site.hessian = {m_hessian.data(), m_hessian.rows(), m_hessian.cols()};
        site.minimum = span(m_minimum);
        site.maximum = span(m_maximum);
        site.meanMagnitude = span(m_meanMagnitude);
        addReader(weights, 8, 8);
    }
    SiteFixture(const SiteFixture &) = delete;
    SiteFixture &operator=(const SiteFixture &) = delete;

    SiteReader &addReader(const RowMajorD &weights, int bits, int activationBits, std::int64_t taps = 1) {
        const RowMajorF &kept = m_weights.emplace_back(weights.cast<float>());
        SiteReader reader;
        reader.weights = {kept.data(), kept.rows(), kept.cols()};
        reader.taps = taps;
        reader.bits = bits;
        reader.activationBits = activationBits;
        site.readers.push_back(reader);
        return site.readers.back();
    }
    void setBits(int bits, int activationBits) {
        for (SiteReader &reader : site.readers) {
            reader.bits = bits;
            reader.activationBits = activationBits;
        }
    }
    /// Rounds weights to nearest, one grid a row, from smallest to largest value.
    TransformServices services(GridConvention convention = GridConvention::Asymmetric) const {
        TransformServices services;
        services.quantize = [this, convention](std::size_t index, std::span<const float> weights,
                                               std::span<float> dequantized) {
            const SiteReader &reader = site.readers[index];
            const auto cols = static_cast<std::size_t>(reader.weights.cols);
            for (std::size_t begin = 0; begin < weights.size(); begin += cols)
                roundRow(weights.subspan(begin, cols), dequantized.subspan(begin, cols), reader.bits,
                         convention);
        };
        services.randomBits = [](std::uint64_t index) {
            return (index + 1) * 0x9E3779B97F4A7C15u ^ (index * 0xD1B54A32D192ED03u) >> 7;
        };
        return services;
    }
    const RowMajorF &inputs() const { return m_inputs; }

    SiteData site;

private:
    static std::span<const float> span(const Eigen::RowVectorXf &row) {
        return {row.data(), static_cast<std::size_t>(row.size())};
    }
    static void roundRow(std::span<const float> weights, std::span<float> dequantized, int bits,
                         GridConvention convention) {
        const auto [lo, hi] = std::minmax_element(weights.begin(), weights.end());
        const ScaleZero grid = gridForRange(*lo, *hi, bits, convention);
        for (std::size_t index = 0; index < weights.size(); ++index)
            dequantized[index] = dequantizeValue(
                quantizeValue(weights[index], grid, codeRange(bits, convention), RoundingMode::HalfEven),
                grid);
    }

    RowMajorF m_inputs;
    RowMajorD m_hessian;
    Eigen::RowVectorXf m_minimum, m_maximum, m_meanMagnitude;
    std::deque<RowMajorF> m_weights;
};

/// Inputs of methods A 0.9, [8, 4].
inline RowMajorD inputsA() {
    RowMajorD inputs(8, 4);
    inputs << 1.0, 0.8, 0.1, 4.0, 0.9, 1.1, -0.2, 3.5, -1.2, -0.9, 0.3, -5.0, 0.4, 0.2, 0.6, 1.0, //
        -0.3, -0.6, 0.5, -2.0, 0.7, 0.9, -0.4, 2.5, -0.8, -1.0, 0.2, -3.0, 0.2, 0.1, 0.9, 0.5;
    return inputs;
}

inline RowMajorD weightsA() {
    return fixtureA().exact;
}

/// Inputs of methods A 0.10, [256, 48].
inline RowMajorD inputsB() {
    return normalMatrix(256, 48, 11) * (RowMajorD::Identity(48, 48) + 0.3 * normalMatrix(48, 48, 13));
}

inline RowMajorD weightsB() {
    return normalMatrix(16, 48, 7);
}

/// The largest change of what a reader computes, when the site is changed and its weights undo it, as a share
/// of the largest output.
inline double outputChange(const RowMajorD &inputs, const RowMajorD &weights, const ChannelChange &change) {
    RowMajorD changed = inputs, adapted = weights;
    Eigen::VectorXd shift(inputs.cols());
    for (Eigen::Index channel = 0; channel < inputs.cols(); ++channel) {
        const auto at = static_cast<std::size_t>(channel);
        shift[channel] = change.shift[at];
        changed.col(channel).array() -= shift[channel];
        changed.col(channel) /= change.scale[at];
        adapted.col(channel) *= change.scale[at];
    }
    const RowMajorD before = inputs * weights.transpose();
    const RowMajorD after = (changed * adapted.transpose()).rowwise() + (weights * shift).transpose();
    return (after - before).cwiseAbs().maxCoeff() / before.cwiseAbs().maxCoeff();
}

} // namespace qs::test
