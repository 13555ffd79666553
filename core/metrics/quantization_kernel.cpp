#include "core/metrics/quantization_kernel.h"

#include "core/quant/token_grid.h"

namespace qs {

double QuantizationKernel::proportion() const {
    const auto counted = static_cast<std::int64_t>(members.size()) - zeros;
    return counted == 0 ? 0 : static_cast<double>(count) / static_cast<double>(counted);
}

QuantizationKernel quantizationKernel(const Tensor &values, double alpha, const GridScheme &scheme,
                                      bool channelsFirst, bool excludeZeros) {
    const Tensor rounded = crossQuantize(values, alpha, scheme, channelsFirst);
    const auto exact = values.values<float>(), approximate = rounded.values<float>();
    QuantizationKernel kernel;
    kernel.members.reserve(exact.size());
    double squaredError = 0;
    for (std::size_t element = 0; element < exact.size(); ++element) {
        const double error = static_cast<double>(approximate[element]) - exact[element];
        squaredError += error * error;
        const bool leftOut = excludeZeros && exact[element] == 0;
        const bool member = approximate[element] == 0 && !leftOut;
        kernel.members.push_back(member ? 1 : 0);
        kernel.count += member ? 1 : 0;
        kernel.zeros += leftOut ? 1 : 0;
    }
    if (!exact.empty())
        kernel.mse = squaredError / static_cast<double>(exact.size());
    return kernel;
}

} // namespace qs
