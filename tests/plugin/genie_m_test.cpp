// GENIE-M through the ABI, on a layer alone.
#include "tests/support/bundled_methods.h"
#include "tests/support/hessian_fixture.h"

#include <gtest/gtest.h>

namespace qs::test {
namespace {

QuantizedMatrix quantize(const char *id, int bits, nlohmann::json parameters, bool asFloat16 = false) {
    HessianFixture fixture = fixtureB();
    QuantizeRequest request = fixture.request(bits);
    request.parameters = std::move(parameters);
    request.scheme.scaleAsFloat16 = asFloat16;
    const auto method = bundledMethod(id);
    EXPECT_TRUE(method) << id;
    auto matrix = method ? method->quantize(request, {}) : fail(ErrorCode::NotFound, id);
    EXPECT_TRUE(matrix) << matrix.error().text();
    return matrix ? *matrix : QuantizedMatrix{};
}

TEST(GenieM, IsQDropWhereScalesDoNotLearn) {
    const QuantizedMatrix genie = quantize("genie-m", 3, {{"scale_learning_rate", 0}});
    const QuantizedMatrix qdrop = quantize("qdrop", 3, nlohmann::json::object());
    EXPECT_EQ(genie.codes, qdrop.codes);
    EXPECT_EQ(genie.scales, qdrop.scales);
}

TEST(GenieM, LearnedScalesLowerTheError) {
    const HessianFixture fixture = fixtureB();
    const QuantizedMatrix genie = quantize("genie-m", 2, nlohmann::json::object());
    const QuantizedMatrix qdrop = quantize("qdrop", 2, nlohmann::json::object());
    EXPECT_NE(genie.scales, qdrop.scales);
    EXPECT_EQ(genie.zeroPoints, qdrop.zeroPoints);
    EXPECT_LT(fixture.error(genie), 0.97 * fixture.error(qdrop));
}

TEST(GenieM, ScalesCanBeStoredAsFloat16) {
    EXPECT_NE(quantize("genie-m", 3, nlohmann::json::object(), true).scales.size(),
              0u); // the host checks them
}

} // namespace
} // namespace qs::test
