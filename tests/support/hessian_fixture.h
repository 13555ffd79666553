#pragma once

#include "core/quant/quantizer.h"
#include "tests/support/lcg.h"

#include <Eigen/Core>

namespace qs::test {

using RowMajorD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMajorF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A weight with the inputs it sees: what a Hessian-based method needs.
class HessianFixture final : public LayerServices {
public:
    /// \param inputs  [tokens, cols]
    HessianFixture(RowMajorD weights, const RowMajorD &inputs)
        : HessianFixture(std::move(weights), hessianOf(inputs), 0) {}
    static HessianFixture withHessian(RowMajorD weights, RowMajorD hessian) {
        return HessianFixture(std::move(weights), std::move(hessian), 0);
    }

    QuantizeRequest request(int bits) {
        QuantizeRequest request;
        request.layerName = "layer";
        request.weights = {weights.data(), weights.rows(), weights.cols()};
        request.scheme.grid.bits = bits;
        request.services = this;
        return request;
    }
    /// tr((W−Ŵ) H (W−Ŵ)ᵀ) with the weights in double, as the oracle has them.
    double error(const QuantizedMatrix &matrix) const {
        const Tensor values = matrix.dequantize();
        const Eigen::Map<const RowMajorF> quantized(values.values<float>().data(), matrix.rows, matrix.cols);
        return energy(exact - quantized.cast<double>());
    }
    double rowError(const QuantizedMatrix &matrix, Eigen::Index row) const {
        const Tensor values = matrix.dequantize();
        const Eigen::Map<const RowMajorF> quantized(values.values<float>().data(), matrix.rows, matrix.cols);
        return energy(exact.row(row) - quantized.row(row).cast<double>());
    }
    double energy(const RowMajorD &difference) const {
        return (difference * hessianMatrix).cwiseProduct(difference).sum();
    }

    Result<MatrixView<const double>> hessian(std::int64_t) override {
        return MatrixView<const double>{hessianMatrix.data(), hessianMatrix.rows(), hessianMatrix.cols()};
    }

    RowMajorD exact;
    RowMajorF weights;
    RowMajorD hessianMatrix;

private:
    HessianFixture(RowMajorD w, RowMajorD h, int)
        : exact(std::move(w)), weights(exact.cast<float>()), hessianMatrix(std::move(h)) {}
    static RowMajorD hessianOf(const RowMajorD &inputs) {
        return 2.0 / static_cast<double>(inputs.rows()) * inputs.transpose() * inputs;
    }
};

inline RowMajorD normalMatrix(Eigen::Index rows, Eigen::Index cols, std::uint32_t seed) {
    const std::vector<double> values = lcgNormals(static_cast<std::size_t>(rows * cols), seed);
    return Eigen::Map<const RowMajorD>(values.data(), rows, cols);
}

/// methods A 0.9: two rows, four columns, eight tokens.
inline HessianFixture fixtureA() {
    RowMajorD weights(2, 4);
    weights << 0.9, -0.4, 0.3, 1.2, -0.7, 0.55, -1.1, 0.15;
    RowMajorD inputs(8, 4);
    inputs << 1.0, 0.8, 0.1, 4.0, 0.9, 1.1, -0.2, 3.5, -1.2, -0.9, 0.3, -5.0, 0.4, 0.2, 0.6, 1.0, //
        -0.3, -0.6, 0.5, -2.0, 0.7, 0.9, -0.4, 2.5, -0.8, -1.0, 0.2, -3.0, 0.2, 0.1, 0.9, 0.5;
    return {weights, inputs};
}

/// methods A 0.10: 16 rows, 48 correlated columns, 256 tokens.
inline HessianFixture fixtureB() {
    const RowMajorD mix = RowMajorD::Identity(48, 48) + 0.3 * normalMatrix(48, 48, 13);
    return {normalMatrix(16, 48, 7), RowMajorD(normalMatrix(256, 48, 11) * mix)};
}

/// tests/golden/gptq/closed_form.json: 8 rows, 16 columns, 32 tokens, all by formula.
inline HessianFixture closedFormFixture() {
    RowMajorD weights(8, 16);
    for (int i = 0; i < 8; ++i)
        for (int j = 0; j < 16; ++j)
            weights(i, j) = std::sin(1.7 * i + 0.9 * j + 0.35 * i * j) + 0.3 * std::cos(2.3 * j - 0.4 * i);
    weights(2, 5) *= 3.0;
    weights(6, 11) *= -2.5;
    RowMajorD inputs(32, 16);
    for (int t = 0; t < 32; ++t)
        for (int j = 0; j < 16; ++j)
            inputs(t, j) = std::cos(0.37 * t * (j + 1)) + 0.5 * std::sin(1.1 * t + 0.6 * j);
    inputs.col(3) *= 6.0;
    inputs.col(10) *= 3.0;
    inputs.row(0) *= 4.0;
    return {weights, inputs};
}

} // namespace qs::test
