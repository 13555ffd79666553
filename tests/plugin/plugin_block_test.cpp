// Block methods of plugins as the core calls them: what they may return, and what is refused.
#include "core/plugin/plugin_loader.h"
#include "core/quant/block_method.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

const std::vector<float> kWeights = {0.9f, -0.4f, 0.3f, 1.2f, -0.7f, 0.55f, -1.1f, 0.15f};

/// A block of one layer, per channel; nobody runs it.
BlockRequest oneLayer(bool scaleAsFloat16 = false) {
    QuantizeRequest rounding;
    rounding.weights = {kWeights.data(), 2, 4};
    rounding.scheme.grid.bits = 4;
    rounding.scheme.scaleAsFloat16 = scaleAsFloat16;
    BlockRequest request;
    request.name = "block";
    request.layers.push_back(
        {"conv1", rounding.weights, *makeRtnQuantizer()->quantize(rounding, {}), std::nullopt});
    return request;
}

Result<BlockResult> reconstruct(const std::string &id, const BlockRequest &request) {
    PluginLoadOptions options;
    options.folders = {std::filesystem::path(QS_FIXTURE_PLUGINS) / "block_grids"};
    FindingList findings;
    const auto method =
        std::dynamic_pointer_cast<const BlockMethod>(loadMethods(options, findings)->find(id));
    EXPECT_TRUE(method);
    return method ? method->reconstruct(request, {}) : fail(ErrorCode::NotFound, id);
}

TEST(PluginBlock, MayReturnScalesOfItsOwn) {
    const BlockRequest request = oneLayer();
    const auto result = reconstruct("doubles-scales", request);
    ASSERT_TRUE(result) << result.error().text();
    const QuantizedMatrix &nearest = request.layers[0].nearest, &returned = result->weights[0];
    EXPECT_EQ(returned.codes, nearest.codes);
    EXPECT_EQ(returned.zeroPoints, nearest.zeroPoints);
    EXPECT_THAT(returned.scales, testing::ElementsAre(2 * nearest.scales[0], 2 * nearest.scales[1]));
}

TEST(PluginBlock, ScaleThatIsNotPositiveIsRefused) {
    const auto result = reconstruct("negative-scale", oneLayer());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::PluginFailure);
    EXPECT_THAT(result.error().text(), testing::HasSubstr("conv1"));
}

TEST(PluginBlock, ScaleIsRefusedThatItsStorageCannotHold) {
    EXPECT_TRUE(reconstruct("unstorable-scale", oneLayer()));
    const auto result = reconstruct("unstorable-scale", oneLayer(true));
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().text(), testing::HasSubstr("float16"));
}

} // namespace
} // namespace qs
