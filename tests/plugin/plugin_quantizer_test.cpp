#include "core/plugin/plugin_loader.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <quantoscope/plugin.h>

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

/// What a plugin file says of itself, without the loader.
const qs_plugin_entry *entryOf(const std::string &fixture) {
    const std::filesystem::path file =
        std::filesystem::path(QS_FIXTURE_PLUGINS) / fixture / (fixture + ".so");
    void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    return library ? static_cast<const qs_plugin_entry *>(dlsym(library, "qs_plugin")) : nullptr;
}

TEST(PluginQuantizer, APluginBuiltAgainstAbi10QuantizesLikeOneOfToday) {
    const qs_plugin_entry *old = entryOf("abi_1_0");
    ASSERT_TRUE(old);
    EXPECT_EQ(old->abi_major, 1U);
    EXPECT_EQ(old->abi_minor, 0U);
    const auto *table = static_cast<const qs_quantizer *>(old->get(QS_EXTENSION_QUANTIZER, 0));
    EXPECT_EQ(table->struct_size, offsetof(qs_quantizer, stores)) << "the table ends where 1.1 added fields";

    const auto before = methodOf("abi_1_0", "example-rtn"), today = methodOf("example", "example-rtn");
    EXPECT_TRUE(before->info().cost.empty());
    EXPECT_EQ(before->schema().defaults(), today->schema().defaults());
    for (const Granularity granularity : {Granularity::PerChannel, Granularity::PerGroup})
        for (const bool asFloat16 : {false, true}) {
            QuantizeRequest request = smallRequest();
            request.scheme.granularity = granularity;
            request.scheme.groupSize = 3;
            request.scheme.scaleAsFloat16 = asFloat16;
            const auto a = before->quantize(request, RunContext{}),
                       b = today->quantize(request, RunContext{});
            ASSERT_TRUE(a) << a.error().text();
            ASSERT_TRUE(b) << b.error().text();
            EXPECT_TRUE(a->validate());
            EXPECT_EQ(a->codes, b->codes);
            EXPECT_EQ(a->scales, b->scales);
            EXPECT_EQ(a->zeroPoints, b->zeroPoints);
            EXPECT_EQ(a->bitsBreakdown().effective(), b->bitsBreakdown().effective());
        }
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
