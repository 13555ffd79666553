#include "core/tensor/convert.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/cancel_delay.h"
#include "tests/support/hessian_fixture.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <numeric>

namespace qs::test {
namespace {

using Json = nlohmann::json;

/// A layer with all that calibration can know about it: correlated inputs, some channels of them large.
class CalibratedLayer final : public LayerServices {
public:
    CalibratedLayer(Eigen::Index rows, Eigen::Index cols, Eigen::Index tokens)
        : weights(normalMatrix(rows, cols, 7).cast<float>()), m_inputs(normalMatrix(tokens, cols, 11)) {
        for (Eigen::Index j = 1; j < cols; ++j) {
            m_inputs.col(j) += 0.5 * m_inputs.col(j - 1);
            if (j % 17 == 0)
                m_inputs.col(j) *= 8;
        }
        hessianMatrix = 2.0 / static_cast<double>(tokens) * m_inputs.transpose() * m_inputs;
    }

    QuantizeRequest request(int bits) {
        QuantizeRequest request;
        request.layerName = "contract";
        request.weights = view();
        request.scheme.grid.bits = bits;
        request.services = this;
        request.seed = 1;
        return request;
    }
    MatrixView<const float> view() const { return {weights.data(), weights.rows(), weights.cols()}; }
    /// (w − ŵ) H (w − ŵ)ᵀ of every row.
    std::vector<double> rowErrors(const QuantizedMatrix &matrix) const {
        const Tensor values = matrix.dequantize();
        const Eigen::Map<const RowMajorF> got(values.values<float>().data(), matrix.rows, matrix.cols);
        const RowMajorD difference = weights.cast<double>() - got.cast<double>();
        const Eigen::VectorXd errors = (difference * hessianMatrix).cwiseProduct(difference).rowwise().sum();
        return {errors.begin(), errors.end()};
    }

    Result<MatrixView<const double>> hessian(std::int64_t) override {
        return MatrixView<const double>{hessianMatrix.data(), hessianMatrix.rows(), hessianMatrix.cols()};
    }
    Result<InputStatistics> inputStatistics(std::int64_t) override {
        InputStatistics statistics;
        for (Eigen::Index j = 0; j < m_inputs.cols(); ++j) {
            statistics.minimum.push_back(static_cast<float>(m_inputs.col(j).minCoeff()));
            statistics.maximum.push_back(static_cast<float>(m_inputs.col(j).maxCoeff()));
            statistics.mean.push_back(static_cast<float>(m_inputs.col(j).mean()));
            statistics.meanMagnitude.push_back(static_cast<float>(m_inputs.col(j).cwiseAbs().mean()));
        }
        return statistics;
    }
    Result<LayerInputs> inputs() override {
        Tensor values = Tensor::allocate(DType::Float32, Shape{m_inputs.rows(), m_inputs.cols()});
        Eigen::Map<RowMajorF>(values.mutableValues<float>().data(), m_inputs.rows(), m_inputs.cols()) =
            m_inputs.cast<float>();
        return LayerInputs{values, values};
    }

    RowMajorF weights;
    RowMajorD hessianMatrix;

private:
    RowMajorD m_inputs;
};

std::shared_ptr<const MethodRegistry> methods() {
    static FindingList findings;
    static const auto methods = bundledMethods(findings);
    return methods;
}

double sum(const std::vector<double> &values) {
    return std::accumulate(values.begin(), values.end(), 0.0);
}

/// A scheme that the method takes, of few bits if it can choose; nothing when it takes none of these.
std::optional<WeightGridScheme> schemeFor(const Quantizer &method, QuantizeRequest request) {
    for (const std::int64_t groupSize : {64, 32, 16, 256, 128})
        for (const Granularity granularity : {Granularity::PerGroup, Granularity::PerChannel})
            for (const GridConvention convention :
                 {GridConvention::Asymmetric, GridConvention::SymmetricRestricted,
                  GridConvention::SymmetricFull, GridConvention::SymmetricOffset})
                for (const int bits : {4, 3, 2, 5, 6, 8, 1}) {
                    request.scheme.grid.bits = bits;
                    request.scheme.grid.convention = convention;
                    request.scheme.granularity = granularity;
                    request.scheme.groupSize = groupSize;
                    if (method.supports(request).yes)
                        return request.scheme;
                }
    return {};
}

/// A branch over round to nearest at 4 bit.
BranchRequest branchRequest(const BranchMethod &branch, CalibratedLayer &layer, const RunContext &ctx) {
    BranchRequest request;
    request.layerName = "contract";
    request.weights = layer.view();
    request.scheme.grid.bits = 4;
    request.parameters = branch.schema().defaults();
    request.services = &layer;
    request.seed = 1;
    request.quantize = [&layer, &ctx](MatrixView<const float> weights) {
        const auto rtn = makeRtnQuantizer();
        QuantizeRequest inner = layer.request(4);
        inner.weights = weights;
        inner.parameters = rtn->schema().defaults();
        return rtn->quantize(inner, ctx);
    };
    return request;
}

/// Bits that the arrays of a matrix take, counted one by one.
double storedBits(const QuantizedMatrix &matrix) {
    double bits = static_cast<double>(matrix.codes.size()) * matrix.bits;
    if (matrix.sliceStorage) {
        bits += static_cast<double>(matrix.scales.size()) *
                (matrix.sliceStorage->scaleBits + matrix.sliceStorage->zeroPointBits);
    } else {
        bits += static_cast<double>(matrix.scales.size()) * (matrix.scaleAsFloat16 ? 16 : 32);
        if (!matrix.realZeroPoints.empty())
            bits += static_cast<double>(matrix.realZeroPoints.size()) * 16;
        else if (matrix.convention == GridConvention::Asymmetric && matrix.levels.empty())
            bits += static_cast<double>(matrix.zeroPoints.size()) * matrix.bits;
    }
    bits += static_cast<double>(matrix.groupOfColumn.size()) * 32;
    bits += static_cast<double>(matrix.kept.size()) * (16 + 16);
    if (matrix.branch)
        bits += static_cast<double>(matrix.branch->down.numel() + matrix.branch->up.numel()) * 16;
    return bits;
}

TEST(MethodContract, WithKeepBestNothingIsWorseThanRoundToNearest) {
    CalibratedLayer layer(24, 48, 256);
    const auto rtn = makeRtnQuantizer();
    int tried = 0;
    for (const auto &method : methods()->all()) {
        Json parameters = method->schema().defaults();
        if (!parameters.contains("keep_best"))
            continue;
        parameters["keep_best"] = true;
        for (const int bits : {2, 3, 4})
            for (const Granularity granularity : {Granularity::PerChannel, Granularity::PerGroup}) {
                QuantizeRequest request = layer.request(bits);
                request.scheme.granularity = granularity;
                request.scheme.groupSize = 16;
                request.parameters = parameters;
                if (!method->supports(request).yes)
                    continue;
                SCOPED_TRACE(
                    fmt::format("{} {} bit {}", method->info().id, bits, granularityName(granularity)));
                const auto got = method->quantize(request, {});
                ASSERT_TRUE(got) << got.error().text();
                request.parameters = rtn->schema().defaults();
                const auto nearest = rtn->quantize(request, {});
                const auto errors = layer.rowErrors(*got), bound = layer.rowErrors(*nearest);
                EXPECT_LE(sum(errors), sum(bound) * (1 + 1e-6));
                // Methods for blocks keep or drop all rows together.
                for (std::size_t row = 0; method->info().kind != MethodKind::Block && row < errors.size();
                     ++row)
                    EXPECT_LE(errors[row], bound[row] * (1 + 1e-6)) << "row " << row;
                ++tried;
            }
    }
    EXPECT_GE(tried, 12);
}

TEST(MethodContract, WhatLiesOnItsGridAlreadyIsKept) {
    CalibratedLayer layer(12, 32, 128);
    QuantizeRequest request = layer.request(4);
    request.scheme.grid.convention = GridConvention::SymmetricRestricted; // its grid is that of its values
    request.parameters = makeRtnQuantizer()->schema().defaults();
    const auto once = makeRtnQuantizer()->quantize(request, {});
    ASSERT_TRUE(once);
    const Tensor values = once->dequantize();
    std::ranges::copy(values.values<float>(), layer.weights.data());
    for (const auto &method : methods()->all()) {
        Json parameters = method->schema().defaults();
        // Elsewhere the method fits a grid of its own, which need not be this one.
        if (method->info().id != "rtn" && !parameters.contains("keep_best"))
            continue;
        SCOPED_TRACE(method->info().id);
        if (parameters.contains("keep_best"))
            parameters["keep_best"] = true;
        request.parameters = parameters;
        if (!method->supports(request).yes)
            continue;
        const auto again = method->quantize(request, {});
        ASSERT_TRUE(again) << again.error().text();
        const Tensor got = again->dequantize();
        for (std::size_t i = 0; i < static_cast<std::size_t>(got.numel()); ++i)
            ASSERT_NEAR(got.values<float>()[i], values.values<float>()[i], 1e-5) << "element " << i;
    }
}

TEST(MethodContract, EffectiveBitsAreThoseOfTheStoredArrays) {
    CalibratedLayer layer(24, 48, 128);
    for (const auto &method : methods()->all())
        for (const int bits : {2, 3, 4, 8})
            for (const Granularity granularity :
                 {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup})
                for (const bool asFloat16 : {false, true}) {
                    QuantizeRequest request = layer.request(bits);
                    request.parameters = method->schema().defaults();
                    request.scheme.granularity = granularity;
                    request.scheme.groupSize = 16;
                    request.scheme.scaleAsFloat16 = asFloat16;
                    if (!method->supports(request).yes)
                        continue;
                    const auto matrix = method->quantize(request, {});
                    ASSERT_TRUE(matrix) << method->info().id << ": " << matrix.error().text();
                    EXPECT_NEAR(matrix->bitsBreakdown().effective(), storedBits(*matrix) / (24 * 48), 1e-9)
                        << method->info().id << ' ' << bits << " bit " << granularityName(granularity);
                }
}

class EveryBranch : public testing::Test {
protected:
    template <typename Check>
    void forEach(Check check) {
        ASSERT_GE(methods()->branches().size(), 4U);
        for (const auto &branch : methods()->branches()) {
            SCOPED_TRACE(branch->info().id);
            check(*branch);
        }
    }
};

TEST_F(EveryBranch, HasTheShapesItSaysAndCountsItsBits) {
    CalibratedLayer layer(24, 40, 128);
    forEach([&](const BranchMethod &branch) {
        const auto matrix = branch.decompose(branchRequest(branch, layer, {}), {});
        ASSERT_TRUE(matrix) << matrix.error().text();
        EXPECT_TRUE(matrix->validate()) << matrix->validate().error().text();
        ASSERT_TRUE(matrix->branch);
        EXPECT_EQ(matrix->branch->up.shape(), (Shape{24, matrix->branch->rank()}));
        EXPECT_EQ(matrix->branch->down.shape(), (Shape{matrix->branch->rank(), 40}));
        EXPECT_GT(matrix->branch->rank(), 0);
        EXPECT_NEAR(matrix->bitsBreakdown().effective(), storedBits(*matrix) / (24 * 40), 1e-9);
        // What the branch adds must help: the sum is nearer to the weight than codes alone.
        const auto alone = branchRequest(branch, layer, {}).quantize(layer.view());
        EXPECT_LT(sum(layer.rowErrors(*matrix)), sum(layer.rowErrors(*alone)));
    });
}

TEST_F(EveryBranch, GivesTheSameBytesOnAnyNumberOfThreads) {
    CalibratedLayer layer(33, 40, 128);
    forEach([&](const BranchMethod &branch) {
        RunContext one;
        one.maxThreads = 1;
        const auto a = branch.decompose(branchRequest(branch, layer, one), one);
        const auto b = branch.decompose(branchRequest(branch, layer, {}), {});
        ASSERT_TRUE(a && b);
        EXPECT_EQ(a->codes, b->codes);
        EXPECT_EQ(a->scales, b->scales);
        EXPECT_TRUE(std::ranges::equal(a->branch->up.values<float>(), b->branch->up.values<float>()));
        EXPECT_TRUE(std::ranges::equal(a->branch->down.values<float>(), b->branch->down.values<float>()));
    });
}

TEST_F(EveryBranch, RefusesWhatIsNoNumberAndSaysWhere) {
    CalibratedLayer layer(12, 24, 64);
    layer.weights(7, 19) = std::numeric_limits<float>::quiet_NaN();
    forEach([&](const BranchMethod &branch) {
        const auto matrix = branch.decompose(branchRequest(branch, layer, {}), {});
        ASSERT_FALSE(matrix);
        EXPECT_EQ(matrix.error().code, ErrorCode::InvalidArgument);
        EXPECT_THAT(matrix.error().text(), testing::AllOf(testing::HasSubstr("7"), testing::HasSubstr("19")));
    });
}

/// CPU time, as wall time says more about what else the machine does.
constexpr double kCancelSeconds = 0.1;

/// Many rows, and wide ones: what a method does between two looks at Cancel grows with either.
class CancelContract : public testing::TestWithParam<std::pair<int, int>> {
protected:
    CalibratedLayer m_layer{GetParam().first, GetParam().second, 512};
};

TEST_P(CancelContract, EveryQuantizerEndsSoon) {
    int tried = 0;
    for (const auto &method : methods()->all()) {
        QuantizeRequest request = m_layer.request(4);
        request.parameters = method->schema().defaults();
        const auto scheme = schemeFor(*method, request);
        if (!scheme)
            continue;
        request.scheme = *scheme;
        request.scheme.grid.rule.kind = RangeRule::Kind::Mse;
        ++tried;
        const CancelDelay worst = worstCancelDelay([&](const RunContext &ctx) {
            const auto matrix = method->quantize(request, ctx);
            EXPECT_TRUE(matrix || matrix.error().code == ErrorCode::Cancelled) << matrix.error().text();
        });
        RecordProperty(method->info().id, std::to_string(worst.seconds));
        EXPECT_LT(worst.seconds, kCancelSeconds)
            << method->info().id << ", cancelled after " << worst.cancelledAfter << " s";
    }
    EXPECT_GE(tried, 15);
}

TEST_P(CancelContract, EveryBranchEndsSoon) {
    for (const auto &branch : methods()->branches()) {
        const CancelDelay worst = worstCancelDelay([&](const RunContext &ctx) {
            const auto matrix = branch->decompose(branchRequest(*branch, m_layer, ctx), ctx);
            EXPECT_TRUE(matrix || matrix.error().code == ErrorCode::Cancelled) << matrix.error().text();
        });
        RecordProperty(branch->info().id, std::to_string(worst.seconds));
        EXPECT_LT(worst.seconds, kCancelSeconds)
            << branch->info().id << ", cancelled after " << worst.cancelledAfter << " s";
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, CancelContract, testing::Values(std::pair(512, 384), std::pair(48, 2048)),
                         [](const auto &size) {
                             return fmt::format("{}x{}", size.param.first, size.param.second);
                         });

} // namespace
} // namespace qs::test
