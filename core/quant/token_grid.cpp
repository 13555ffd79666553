#include "core/quant/token_grid.h"

#include <algorithm>
#include <cmath>

namespace qs {
namespace {

/// Where token and channel of an element are found in a tensor.
struct TokenLayout {
    std::int64_t outer, channels, inner;

    TokenLayout(const Shape &shape, bool channelsFirst) {
        const int axis = channelsFirst && shape.rank() > 1 ? 1 : shape.rank() - 1;
        outer = shape.numelBetween(0, axis);
        channels = shape[axis];
        inner = shape.numelBetween(axis + 1, shape.rank());
    }

    /// Calls function(element, token, channel) in storage order.
    template <typename Function>
    void forEach(Function function) const {
        std::size_t element = 0;
        for (std::int64_t o = 0; o < outer; ++o)
            for (std::int64_t c = 0; c < channels; ++c)
                for (std::int64_t i = 0; i < inner; ++i, ++element)
                    function(element, static_cast<std::size_t>(o * inner + i), static_cast<std::size_t>(c));
    }
};

} // namespace

Tensor crossQuantize(const Tensor &values, double alpha, const GridScheme &scheme, bool channelsFirst) {
    const TokenLayout layout(values.shape(), channelsFirst);
    const float *src = values.values<float>().data();
    std::vector<float> tokens(static_cast<std::size_t>(layout.outer * layout.inner), 0.0f);
    std::vector<float> channels(static_cast<std::size_t>(layout.channels), 0.0f);
    layout.forEach([&](std::size_t i, std::size_t token, std::size_t channel) {
        const float magnitude = std::abs(src[i]);
        tokens[token] = std::max(tokens[token], magnitude);
        channels[channel] = std::max(channels[channel], magnitude);
    });
    const auto power = [](std::vector<float> &maxima, double exponent) {
        for (float &value : maxima)
            value = exponent == 0 ? 1.0f : static_cast<float>(std::pow(static_cast<double>(value), exponent));
    };
    power(tokens, alpha);
    power(channels, 1.0 - alpha);
    const auto highest =
        static_cast<float>(codeRange(scheme.bits, GridConvention::SymmetricRestricted).highest);
    Tensor result = Tensor::allocate(DType::Float32, values.shape());
    float *dst = result.mutableValues<float>().data();
    layout.forEach([&](std::size_t i, std::size_t token, std::size_t channel) {
        const float step = tokens[token] * channels[channel] / highest;
        dst[i] =
            src[i] == 0.0f || !(step > 0)
                ? 0.0f
                : static_cast<float>(roundTo(static_cast<double>(src[i] / step), scheme.rounding)) * step;
    });
    return result;
}

} // namespace qs
