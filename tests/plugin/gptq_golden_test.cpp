#include "core/io/hdf5_file.h"
#include "core/tensor/convert.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/hessian_fixture.h"

#include <fstream>
#include <gmock/gmock.h>

namespace qs::test {
namespace {

using Json = nlohmann::json;

/// Largest relative difference to the authors' code that counts as the same.
constexpr double kTolerance = 0.01;

RowMajorD matrixAt(const Hdf5File &file, const std::string &path) {
    auto tensor = file.read(path).and_then([](const Tensor &stored) { return toFloat32(stored); });
    if (!tensor) {
        ADD_FAILURE() << tensor.error().text();
        return {};
    }
    const Eigen::Map<const RowMajorF> values(tensor->values<float>().data(), tensor->shape()[0],
                                             tensor->shape()[1]);
    return values.cast<double>();
}

QuantizeRequest requestOf(HessianFixture &layer, const Json &golden) {
    QuantizeRequest request = layer.request(golden["bits"]);
    const std::int64_t groupSize = golden["group_size"];
    request.scheme.granularity = groupSize > 0 ? Granularity::PerGroup : Granularity::PerChannel;
    request.scheme.groupSize = groupSize > 0 ? groupSize : 128;
    request.scheme.grid.convention =
        golden["symmetric"] ? GridConvention::SymmetricOffset : GridConvention::Asymmetric;
    return request;
}

Json parametersOf(const Json &golden) {
    return {{"act_order", golden["act_order"]},
            {"static_groups", golden["static_groups"]},
            {"damping", golden["damp"]},
            {"block_size", golden["block_size"]},
            {"reference_compat", true}};
}

class AuthorCode : public testing::Test {
protected:
    /// Runs every case of every layer; returns the largest relative difference.
    double worstDifference(const Quantizer &method, const std::string &key, bool withParameters) {
        const auto file = Hdf5File::open(std::string(QS_TEST_DATA) + "/gptq/author_code.h5");
        EXPECT_TRUE(file) << (file ? "" : file.error().text());
        const auto layers = (*file)->children();
        EXPECT_TRUE(layers);
        double worst = 0;
        for (const Hdf5File::Entry &entry : *layers) {
            HessianFixture layer(matrixAt(**file, entry.name + "/weight"),
                                 matrixAt(**file, entry.name + "/inputs"));
            const double energy = layer.energy(layer.exact);
            for (const Json &golden : Json::parse((*file)->textAttribute(entry.name, "cases").value())) {
                QuantizeRequest request = requestOf(layer, golden);
                if (withParameters)
                    request.parameters = parametersOf(golden);
                const auto matrix = method.quantize(request, RunContext{});
                EXPECT_TRUE(matrix) << (matrix ? "" : matrix.error().text());
                const double expected = golden[key];
                const double difference = std::abs(layer.error(*matrix) / energy / expected - 1.0);
                EXPECT_LT(difference, kTolerance) << entry.name << " " << golden.dump();
                worst = std::max(worst, difference);
                ++m_cases;
            }
        }
        return worst;
    }

    int m_cases = 0;
};

TEST_F(AuthorCode, GptqAgreesOnEveryCase) {
    const double worst = worstDifference(*bundledMethod("gptq"), "gptq_relative_error", true);
    EXPECT_EQ(m_cases, 36);
    std::cout << "GPTQ against the authors' code: worst relative difference " << worst << " in " << m_cases
              << " cases\n";
}

TEST_F(AuthorCode, RoundToNearestAgreesOnEveryCase) {
    const double worst = worstDifference(*bundledMethod("rtn"), "rtn_relative_error", false);
    EXPECT_EQ(m_cases, 36);
    std::cout << "RTN against the authors' code: worst relative difference " << worst << "\n";
}

TEST(GptqGolden, ClosedFormCaseAgrees) {
    HessianFixture layer = closedFormFixture();
    const Json golden = Json::parse(std::ifstream(std::string(QS_TEST_DATA) + "/gptq/closed_form.json"));
    const auto matrix = bundledMethod("gptq")->quantize(layer.request(3), RunContext{});
    ASSERT_TRUE(matrix);
    const double tolerance = golden["tolerance"];
    EXPECT_NEAR(layer.error(*matrix) / layer.energy(layer.exact), golden["relative_error"].get<double>(),
                tolerance);
    const Tensor values = matrix->dequantize();
    for (int i = 0; i < 8; ++i)
        for (int j = 0; j < 16; ++j)
            EXPECT_NEAR(values.values<float>()[static_cast<std::size_t>(i * 16 + j)],
                        golden["dequantized"][i][j].get<double>(), tolerance)
                << i << ", " << j;
}

} // namespace
} // namespace qs::test
