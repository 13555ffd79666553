#include "core/plugin/plugin_loader.h"

#include <gmock/gmock.h>
#include <thread>

namespace qs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

namespace fs = std::filesystem;

fs::path fixtureFile(const std::string &name) {
    return fs::path(QS_FIXTURE_PLUGINS) / name / (name + ".so");
}

PluginReport reportOn(const fs::path &file) {
    auto report = checkPlugin(file, RunContext{});
    EXPECT_TRUE(report) << (report ? "" : report.error().text());
    return report ? *report : PluginReport{};
}

auto says(const std::string &text) {
    return Contains(Field(&Finding::what, HasSubstr(text)));
}

TEST(PluginCheck, ExampleIsGood) {
    const PluginReport report = reportOn(fixtureFile("example"));
    for (const Finding &finding : report.findings)
        ADD_FAILURE() << finding.where << ": " << finding.what;
    EXPECT_TRUE(report.good());
    EXPECT_EQ(report.id, "org.quantoscope.example");
    EXPECT_EQ(report.license, "MIT");
    EXPECT_THAT(report.methods, ElementsAre("example-rtn"));
    EXPECT_GT(report.checks, 30);
}

TEST(PluginCheck, MethodThatIgnoresCancelIsFound) {
    EXPECT_THAT(reportOn(fixtureFile("ignores_cancel")).findings, says("soon after Cancel"));
}

TEST(PluginCheck, BrokenResultsAreFound) {
    const PluginReport report = reportOn(fixtureFile("broken_results"));
    EXPECT_THAT(report.findings, says("code"));
    EXPECT_THAT(report.findings, says("stay near the original"));
    EXPECT_EQ(report.methods.size(), 3u);
}

TEST(PluginCheck, CrashAtWorkIsFound) {
    EXPECT_THAT(reportOn(fixtureFile("crashes_at_work")).findings,
                says("crashed with SIGSEGV while being checked"));
}

TEST(PluginCheck, RefusedPluginIsFound) {
    EXPECT_THAT(reportOn(fixtureFile("wrong_major")).findings, says("99.3"));
    EXPECT_THAT(reportOn(fixtureFile("crashes_at_load")).findings, says("SIGSEGV"));
}

TEST(PluginCheck, MissingFileIsAnError) {
    const auto report = checkPlugin("/no/such/plugin.so", RunContext{});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::NotFound);
}

TEST(PluginCheck, CancelEndsAHangingCheck) {
    std::stop_source stop;
    std::jthread canceller([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        stop.request_stop();
    });
    const auto report = checkPlugin(fixtureFile("hangs_at_load"), RunContext{stop.get_token()});
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::Cancelled);
}

} // namespace
} // namespace qs
