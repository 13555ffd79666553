#include "tests/support/bundled_methods.h"

#include <Eigen/Core>
#include <benchmark/benchmark.h>

namespace qs {
namespace {

using RowMajorD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMajorF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A square layer by formula, so that torch_gptq.py works on the same one: uniform weights, and inputs of
/// different energy whose correlation fades with their distance.
class FormulaLayer final : public LayerServices {
public:
    explicit FormulaLayer(Eigen::Index size) : weights(size, size), hessianMatrix(size, size) {
        constexpr double kGoldenRatio = 0.6180339887498949, kCorrelation = 0.9;
        const auto fraction = [](double value) { return value - std::floor(value); };
        for (Eigen::Index i = 0; i < weights.size(); ++i)
            weights.data()[i] =
                static_cast<float>(2 * fraction(static_cast<double>(i + 1) * kGoldenRatio) - 1);
        for (Eigen::Index i = 0; i < size; ++i)
            for (Eigen::Index j = 0; j < size; ++j)
                hessianMatrix(i, j) = inputScale(i) * inputScale(j) *
                                      std::pow(kCorrelation, static_cast<double>(std::abs(i - j)));
    }

    Result<MatrixView<const double>> hessian(std::int64_t) override {
        return MatrixView<const double>{hessianMatrix.data(), hessianMatrix.rows(), hessianMatrix.cols()};
    }
    /// tr((W−Ŵ) H (W−Ŵ)ᵀ) / tr(W H Wᵀ)
    double relativeError(const QuantizedMatrix &matrix) const {
        const Tensor values = matrix.dequantize();
        const Eigen::Map<const RowMajorF> quantized(values.values<float>().data(), weights.rows(),
                                                    weights.cols());
        return energy((weights - quantized).cast<double>()) / energy(weights.cast<double>());
    }

    RowMajorF weights;

private:
    static double inputScale(Eigen::Index input) {
        return 0.5 + static_cast<double>(input * 7919 % 101) / 50;
    }
    double energy(const RowMajorD &difference) const {
        return (difference * hessianMatrix).cwiseProduct(difference).sum();
    }

    RowMajorD hessianMatrix;
};

/// One layer from weight and Hessian to codes, 4 bit per output channel, through the plugin's ABI.
void quantizeLayer(benchmark::State &state) {
    FormulaLayer layer(state.range(0));
    const auto method = test::bundledMethod("gptq");
    if (!method) {
        state.SkipWithError("the GPTQ plugin was not found beside this program");
        return;
    }
    QuantizeRequest request;
    request.layerName = "layer";
    request.weights = {layer.weights.data(), layer.weights.rows(), layer.weights.cols()};
    request.scheme.grid.bits = 4;
    request.services = &layer;
    const RunContext ctx{{}, nullptr, static_cast<int>(state.range(1))};
    Result<QuantizedMatrix> matrix;
    for (auto round : state) {
        matrix = method->quantize(request, ctx);
        if (!matrix)
            state.SkipWithError(matrix.error().text().c_str());
    }
    if (matrix && state.range(0) <= 1024) // the error of a large layer costs more than its quantization
        state.counters["relative_error"] = layer.relativeError(*matrix);
}

BENCHMARK(quantizeLayer)
    ->Name("gptq")
    ->ArgNames({"size", "threads"})
    ->ArgsProduct({{512, 1024, 4096}, {1, 2}})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace qs
