#include "core/plugin/plugin_loader.h"

#include <gmock/gmock.h>

namespace qs {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::shared_ptr<const Quantizer> methodOf(const std::string &fixture, const std::string &id) {
    PluginLoadOptions options;
    options.folders = {std::filesystem::path(QS_FIXTURE_PLUGINS) / fixture};
    FindingList findings;
    auto method = loadMethods(options, findings)->find(id);
    EXPECT_THAT(findings.snapshot(), IsEmpty());
    EXPECT_TRUE(method);
    return method;
}

const std::vector<float> kWeights = {0.9f, -0.4f, 0.3f, 1.2f, -0.7f, 0.55f, -1.1f, 0.15f};

QuantizeRequest smallRequest() {
    QuantizeRequest request;
    request.layerName = "conv1";
    request.weights = {kWeights.data(), 2, 4};
    request.scheme.grid.bits = 4;
    return request;
}

Error errorOf(const std::string &fixture, const std::string &id) {
    auto matrix = methodOf(fixture, id)->quantize(smallRequest(), RunContext{});
    EXPECT_FALSE(matrix);
    return matrix ? Error{} : matrix.error();
}

TEST(PluginQuantizer, ExampleGivesTheCodesOfRoundToNearest) {
    const auto example = methodOf("example", "example-rtn")->quantize(smallRequest(), RunContext{});
    const auto rtn = makeRtnQuantizer()->quantize(smallRequest(), RunContext{});
    ASSERT_TRUE(example && rtn);
    EXPECT_EQ(example->codes, rtn->codes);
    EXPECT_EQ(example->scales, rtn->scales);
    EXPECT_EQ(example->zeroPoints, rtn->zeroPoints);
}

TEST(PluginQuantizer, ParametersReachThePlugin) {
    QuantizeRequest request = smallRequest();
    request.parameters = {{"range_percent", 50}};
    const auto method = methodOf("example", "example-rtn");
    const auto half = method->quantize(request, RunContext{});
    const auto full = method->quantize(smallRequest(), RunContext{});
    ASSERT_TRUE(half && full);
    EXPECT_NEAR(half->scales[0], full->scales[0] / 2, 1e-7);
}

TEST(PluginQuantizer, ParameterOutOfRangeIsRefusedBeforeThePlugin) {
    QuantizeRequest request = smallRequest();
    request.parameters = {{"range_percent", 1000}};
    const auto method = methodOf("example", "example-rtn");
    EXPECT_THAT(method->supports(request).reason, HasSubstr("range_percent"));
    const auto matrix = method->quantize(request, RunContext{});
    ASSERT_FALSE(matrix);
    EXPECT_EQ(matrix.error().code, ErrorCode::InvalidArgument);
}

TEST(PluginQuantizer, ReasonOfThePluginReachesTheUser) {
    QuantizeRequest request = smallRequest();
    request.scheme.granularity = Granularity::PerTensor;
    const Support support = methodOf("example", "example-rtn")->supports(request);
    EXPECT_FALSE(support.yes);
    EXPECT_THAT(support.reason, HasSubstr("per-channel and per-group scales only"));
}

TEST(PluginQuantizer, ExceptionOfAMethodBecomesItsMessage) {
    const Error error = errorOf("throws", "throws-inside");
    EXPECT_EQ(error.code, ErrorCode::PluginFailure);
    EXPECT_THAT(error.message, HasSubstr("the cat sat on it"));
    EXPECT_EQ(error.where, "conv1");
}

TEST(PluginQuantizer, ExceptionThatCrossesTheBorderIsCaught) {
    EXPECT_EQ(errorOf("throws", "throws-across").code, ErrorCode::PluginFailure);
}

TEST(PluginQuantizer, ExceptionWhenAskedIsARefusal) {
    EXPECT_THAT(methodOf("throws", "throws-when-asked")->supports(smallRequest()).reason,
                HasSubstr("exception"));
}

TEST(PluginQuantizer, CodeOutOfRangeIsAPluginFailure) {
    const Error error = errorOf("broken_results", "out-of-range");
    EXPECT_EQ(error.code, ErrorCode::PluginFailure);
    EXPECT_THAT(error.message, HasSubstr("out-of-range"));
}

TEST(PluginQuantizer, BuffersLeftUnfilledAreAPluginFailure) {
    EXPECT_EQ(errorOf("broken_results", "forgets-scales").code, ErrorCode::PluginFailure);
}

TEST(PluginQuantizer, GroupedConvolutionIsQuantizedGroupByGroup) {
    QuantizeRequest request = smallRequest();
    request.groups = 2;
    const auto method = methodOf("example", "example-rtn");
    const auto grouped = method->quantize(request, RunContext{});
    const auto whole = method->quantize(smallRequest(), RunContext{});
    ASSERT_TRUE(grouped && whole);
    EXPECT_EQ(grouped->codes, whole->codes);
    request.scheme.granularity = Granularity::PerTensor;
    EXPECT_THAT(method->supports(request).reason, HasSubstr("group by group"));
    request.scheme.granularity = Granularity::PerChannel;
    request.groups = 3;
    EXPECT_FALSE(method->supports(request).yes);
}

/// Counts what a job shows: progress never exceeds its total and ends there.
class RecordingSink final : public ProgressSink {
public:
    void step(std::int64_t done, std::int64_t total, std::string_view) override {
        EXPECT_LE(done, total);
        m_last = done;
        m_total = total;
    }
    bool finished() const { return m_total > 0 && m_last == m_total; }

private:
    std::int64_t m_last = 0;
    std::int64_t m_total = 0;
};

TEST(PluginQuantizer, ProgressOfAllGroupsIsOneJob) {
    QuantizeRequest request = smallRequest();
    request.groups = 2;
    RecordingSink sink;
    RunContext ctx;
    ctx.progress = &sink;
    ASSERT_TRUE(methodOf("example", "example-rtn")->quantize(request, ctx));
    EXPECT_TRUE(sink.finished());
}

TEST(PluginQuantizer, EmptyWeightAndSillyBitsAreRefused) {
    const auto method = methodOf("example", "example-rtn");
    QuantizeRequest request = smallRequest();
    request.weights = {kWeights.data(), 0, 4};
    EXPECT_FALSE(method->supports(request).yes);
    request = smallRequest();
    request.scheme.grid.bits = 40;
    EXPECT_FALSE(method->supports(request).yes);
}

} // namespace
} // namespace qs
