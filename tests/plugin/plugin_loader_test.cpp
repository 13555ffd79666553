#include "core/plugin/plugin_loader.h"

#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>

namespace qs {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

namespace fs = std::filesystem;

fs::path fixtureFolder(const std::string &name) {
    return fs::path(QS_FIXTURE_PLUGINS) / name;
}

PluginLoadOptions folders(std::vector<fs::path> folders) {
    PluginLoadOptions options;
    options.folders = std::move(folders);
    return options;
}

/// Loads one fixture that must be refused, beside the example that must not suffer from it.
Finding refusalOf(const std::string &fixture, std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    PluginLoadOptions options = folders({fixtureFolder(fixture), fixtureFolder("example")});
    options.probeTimeout = timeout;
    FindingList findings;
    const auto loaded = loadPlugins(options, findings);
    EXPECT_THAT(loaded, SizeIs(1));
    const auto entries = findings.snapshot();
    EXPECT_THAT(entries, SizeIs(1));
    if (entries.empty())
        return {};
    EXPECT_EQ(entries[0].finding.severity, Severity::Error);
    EXPECT_THAT(entries[0].finding.where, HasSubstr(fixture + ".so"));
    EXPECT_FALSE(entries[0].finding.action.empty());
    return entries[0].finding;
}

TEST(PluginLoader, LoadsTheExampleAndWrapsItsMethod) {
    FindingList findings;
    const auto methods = loadMethods(folders({fixtureFolder("example")}), findings);
    EXPECT_THAT(findings.snapshot(), IsEmpty());
    ASSERT_THAT(methods->all(), SizeIs(2));
    EXPECT_EQ(methods->all()[0]->info().id, "rtn");
    const auto example = methods->find("example-rtn");
    ASSERT_TRUE(example);
    EXPECT_EQ(example->info().version, "1.0.0");
    EXPECT_EQ(example->info().tags, (std::vector<std::string>{"rounding", "example"}));
    EXPECT_EQ(example->info().status, MethodStatus::Experimental);
    EXPECT_THAT(example->info().origin, HasSubstr("example.so"));
    EXPECT_EQ(example->schema().defaults(), nlohmann::json({{"range_percent", 100}}));
}

TEST(PluginLoader, WrongMajorNamesBothVersions) {
    EXPECT_THAT(refusalOf("wrong_major").what, AllOf(HasSubstr("99.3"), HasSubstr("1.2")));
}

TEST(PluginLoader, LibraryWithoutSymbolIsNamed) {
    EXPECT_THAT(refusalOf("no_symbol").what, HasSubstr("qs_plugin"));
}

TEST(PluginLoader, EntryThatIsTooSmallNamesSizes) {
    EXPECT_THAT(refusalOf("struct_too_small").what,
                AllOf(HasSubstr(std::to_string(offsetof(qs_plugin_entry, init))),
                      HasSubstr(std::to_string(sizeof(qs_plugin_entry)))));
}

TEST(PluginLoader, QuantizerTableThatIsTooSmallIsRefused) {
    EXPECT_THAT(refusalOf("table_too_small").what, HasSubstr("method 0"));
}

TEST(PluginLoader, FailedInitNamesStatus) {
    EXPECT_THAT(refusalOf("init_fails").what, HasSubstr("status 6"));
}

TEST(PluginLoader, CrashWhileLoadingIsAFinding) {
    EXPECT_THAT(refusalOf("crashes_at_load").what, HasSubstr("crashed with SIGSEGV while loading"));
}

TEST(PluginLoader, ExitWhileLoadingIsAFinding) {
    EXPECT_THAT(refusalOf("exits_at_load").what, HasSubstr("exit code 0 while loading"));
}

TEST(PluginLoader, HangWhileLoadingIsAFinding) {
    EXPECT_THAT(refusalOf("hangs_at_load", std::chrono::milliseconds(700)).what,
                HasSubstr("did not finish in time"));
}

TEST(PluginLoader, FileThatIsNoLibraryIsAFinding) {
    const fs::path folder = fs::path(testing::TempDir()) / "qs_no_library";
    fs::create_directories(folder);
    std::ofstream(folder / "text.so") << "not a library";
    FindingList findings;
    EXPECT_THAT(loadPlugins(folders({folder}), findings), IsEmpty());
    ASSERT_THAT(findings.snapshot(), SizeIs(1));
    EXPECT_THAT(findings.snapshot()[0].finding.what, HasSubstr("cannot open"));
    fs::remove_all(folder);
}

TEST(PluginLoader, SecondPluginWithTheSameIdIsRefusedWithBothPaths) {
    FindingList findings;
    const auto loaded =
        loadPlugins(folders({fixtureFolder("example"), fixtureFolder("duplicate_id")}), findings);
    ASSERT_THAT(loaded, SizeIs(1));
    EXPECT_EQ(loaded[0]->file().filename(), "example.so");
    ASSERT_THAT(findings.snapshot(), SizeIs(1));
    const Finding finding = findings.snapshot()[0].finding;
    EXPECT_THAT(finding.what, AllOf(HasSubstr("org.quantoscope.example"), HasSubstr("example.so")));
    EXPECT_THAT(finding.where, HasSubstr("duplicate_id.so"));
}

TEST(PluginLoader, MethodWithATakenIdIsRefusedAndTheBuiltInStays) {
    FindingList findings;
    const auto methods = loadMethods(folders({fixtureFolder("duplicate_method")}), findings);
    EXPECT_THAT(methods->all(), SizeIs(1));
    EXPECT_EQ(methods->find("rtn")->info().origin, "built in");
    ASSERT_THAT(findings.snapshot(), SizeIs(1));
    EXPECT_THAT(findings.snapshot()[0].finding.what, HasSubstr("'rtn'"));
}

TEST(PluginLoader, SameFolderTwiceLoadsOnce) {
    FindingList findings;
    const fs::path folder = fixtureFolder("example");
    EXPECT_THAT(loadPlugins(folders({folder, folder / "../example"}), findings), SizeIs(1));
    EXPECT_THAT(findings.snapshot(), IsEmpty());
}

TEST(PluginLoader, LaterMinorVersionWithLongerEntryIsAccepted) {
    FindingList findings;
    EXPECT_THAT(loadPlugins(folders({fixtureFolder("larger_entry")}), findings), SizeIs(1));
    EXPECT_THAT(findings.snapshot(), IsEmpty());
}

TEST(PluginLoader, MissingFolderIsNoFinding) {
    FindingList findings;
    EXPECT_THAT(loadPlugins(folders({"/no/such/folder"}), findings), IsEmpty());
    EXPECT_THAT(findings.snapshot(), IsEmpty());
}

TEST(PluginLoader, SearchPathIsProgramThenEnvironmentThenUser) {
    setenv("QUANTOSCOPE_PLUGIN_PATH", "/first:/second", 1);
    setenv("XDG_DATA_HOME", "/data", 1);
    const std::vector<fs::path> folders = pluginSearchPath();
    unsetenv("QUANTOSCOPE_PLUGIN_PATH");
    unsetenv("XDG_DATA_HOME");
    ASSERT_THAT(folders, SizeIs(4));
    EXPECT_THAT(folders[0].string(), testing::EndsWith("lib/quantoscope/plugins"));
    EXPECT_EQ(folders[1], "/first");
    EXPECT_EQ(folders[2], "/second");
    EXPECT_EQ(folders[3], "/data/quantoscope/plugins");
}

TEST(PluginLoader, MethodOutlivesTheRegistry) {
    FindingList findings;
    const auto method = loadMethods(folders({fixtureFolder("example")}), findings)->find("example-rtn");
    ASSERT_TRUE(method);
    const std::vector<float> weights = {0.5f, -1.0f, 0.25f, 1.0f};
    QuantizeRequest request;
    request.weights = {weights.data(), 2, 2};
    EXPECT_TRUE(method->quantize(request, RunContext{}));
}

} // namespace
} // namespace qs
