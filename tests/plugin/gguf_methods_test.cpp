#include "core/tensor/blocks/block_codec.h"
#include "tests/support/bundled_methods.h"
#include "tests/support/lcg.h"

#include <gmock/gmock.h>

namespace qs::test {
namespace {

using testing::HasSubstr;

struct BlockCase {
    BlockType type;
    int bits;
    std::int64_t groupSize;
};

const std::vector<BlockCase> kCases = {
    {BlockType::Q4_0, 4, 32},  {BlockType::Q4_1, 4, 32},   {BlockType::Q5_0, 5, 32},
    {BlockType::Q5_1, 5, 32},  {BlockType::Q8_0, 8, 32},   {BlockType::Q2_K, 2, 16},
    {BlockType::Q3_K, 3, 16},  {BlockType::Q4_K, 4, 32},   {BlockType::Q5_K, 5, 32},
    {BlockType::Q6_K, 6, 16},  {BlockType::IQ4_NL, 4, 32}, {BlockType::IQ4_XS, 4, 32},
    {BlockType::MXFP4, 4, 32}, {BlockType::TQ2_0, 2, 256}, {BlockType::Q2_0, 2, 64}};

class GgufMethods : public testing::Test {
protected:
    static constexpr std::int64_t kRows = 5, kCols = 512;

    GgufMethods() : m_methods(bundledMethods(m_findings)), m_weights(toFloats(lcgNormals(kRows * kCols, 3))) {
        std::fill_n(m_weights.begin(), 256, 0.0f);        // blocks of zeros
        std::fill_n(m_weights.begin() + 256, 32, -0.25f); // and a constant one
    }

    std::shared_ptr<const Quantizer> method(BlockType type) const {
        return m_methods->find(blockFormat(type).name);
    }
    MatrixView<const float> weights() const { return {m_weights.data(), kRows, kCols}; }
    QuantizeRequest request(const BlockCase &test) const {
        QuantizeRequest request;
        request.layerName = "fc";
        request.weights = weights();
        request.scheme.grid.bits = test.bits;
        request.scheme.granularity = Granularity::PerGroup;
        request.scheme.groupSize = test.groupSize;
        request.parameters = nlohmann::json::object();
        return request;
    }
    std::vector<float> decoded(BlockType type) const {
        const auto blocks = encodeBlocks(type, weights(), RunContext{}).value();
        std::vector<float> values(m_weights.size());
        decodeBlocks(type, blocks, values);
        return values;
    }

    FindingList m_findings;
    std::shared_ptr<const MethodRegistry> m_methods;
    std::vector<float> m_weights;
};

TEST_F(GgufMethods, GiveTheValuesOfTheBlocks) {
    for (const BlockCase &test : kCases) {
        const std::string name(blockFormat(test.type).name);
        ASSERT_TRUE(method(test.type)) << name;
        const auto matrix = method(test.type)->quantize(request(test), RunContext{});
        ASSERT_TRUE(matrix) << name << ": " << matrix.error().text();
        const Tensor values = matrix->dequantize();
        const std::vector<float> expected = decoded(test.type);
        // Minima become real zero points, which round once more; all else is exact.
        const bool exact = matrix->realZeroPoints.empty();
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const float value = values.values<float>()[i];
            if (exact)
                ASSERT_EQ(value, expected[i]) << name << " at " << i;
            else
                ASSERT_NEAR(value, expected[i], 1e-6) << name << " at " << i;
        }
    }
}

TEST_F(GgufMethods, CountTheBitsOfTheFile) {
    for (const BlockCase &test : kCases) {
        const auto matrix = method(test.type)->quantize(request(test), RunContext{});
        ASSERT_TRUE(matrix) << matrix.error().text();
        EXPECT_DOUBLE_EQ(matrix->bitsBreakdown().effective(), blockFormat(test.type).bitsPerValue())
            << blockFormat(test.type).name;
    }
}

TEST_F(GgufMethods, CodesAreThoseOfTheBlocks) {
    // Where scales are not negative, codes are the stored ones, also for the reader of a file.
    const auto matrix =
        method(BlockType::Q4_K)->quantize(request({BlockType::Q4_K, 4, 32}), RunContext{}).value();
    const auto blocks = encodeBlocks(BlockType::Q4_K, weights(), RunContext{}).value();
    BlockParts parts;
    for (std::size_t b = 2; b < blocks.size() / 144; ++b) { // the first row has blocks without a scale
        unpackBlock(BlockType::Q4_K, blocks.data() + b * 144, parts);
        for (std::size_t i = 0; i < 256; ++i)
            ASSERT_EQ(matrix.codes[b * 256 + i], parts.codes[i]) << b << ' ' << i;
    }
}

TEST_F(GgufMethods, RefuseWhatTheFormatIsNot) {
    const auto quantizer = method(BlockType::Q4_K);
    QuantizeRequest wrong = request({BlockType::Q4_K, 4, 32});
    EXPECT_TRUE(quantizer->supports(wrong).yes);
    wrong.scheme.groupSize = 64;
    EXPECT_THAT(quantizer->supports(wrong).reason, HasSubstr("4 bits in groups of 32"));
    wrong = request({BlockType::Q4_K, 4, 32});
    wrong.scheme.grid.convention = GridConvention::SymmetricFull;
    EXPECT_FALSE(quantizer->supports(wrong).yes);
    wrong = request({BlockType::Q4_K, 4, 32});
    wrong.weights.cols = 160;
    EXPECT_THAT(quantizer->supports(wrong).reason, HasSubstr("blocks of 256"));
    wrong = request({BlockType::Q4_K, 4, 32});
    wrong.scheme.scaleAsFloat16 = true;
    EXPECT_THAT(quantizer->supports(wrong).reason, HasSubstr("float16"));
}

} // namespace
} // namespace qs::test
