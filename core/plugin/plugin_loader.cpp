#include "core/plugin/plugin_loader.h"

#include "core/plugin/plugin_block.h"
#include "core/plugin/plugin_branch.h"
#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_probe.h"
#include "core/plugin/plugin_quantizer.h"
#include "core/plugin/plugin_transform.h"

#include <cstdlib>
#include <fmt/format.h>
#include <set>
#include <sstream>

namespace qs {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::minutes kCheckTimeout{5};

std::vector<fs::path> librariesIn(const fs::path &folder) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code ignored;
        if (entry->path().extension() == ".so" && entry->is_regular_file(ignored))
            files.push_back(entry->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

/// The same file reached through two folders or a link counts once.
std::vector<fs::path> candidateFiles(const std::vector<fs::path> &folders) {
    std::vector<fs::path> files;
    std::set<fs::path> seen;
    for (const fs::path &folder : folders)
        for (fs::path &file : librariesIn(folder)) {
            std::error_code ignored;
            if (seen.insert(fs::weakly_canonical(file, ignored)).second)
                files.push_back(std::move(file));
        }
    return files;
}

std::optional<PluginProblem> duplicateOf(const std::vector<std::shared_ptr<PluginLibrary>> &loaded,
                                         const PluginLibrary &library) {
    for (const auto &other : loaded)
        if (std::string_view(other->entry().id) == library.entry().id)
            return PluginProblem{PluginFailure::DuplicateId,
                                 fmt::format("plugin '{}' {} is already loaded as version {} from {}",
                                             library.entry().id, library.entry().version,
                                             other->entry().version, other->file().string()),
                                 library.file()};
    return std::nullopt;
}

using Loaded = tl::expected<std::shared_ptr<PluginLibrary>, PluginProblem>;

Loaded loadOne(const fs::path &file, const std::vector<std::shared_ptr<PluginLibrary>> &loaded) {
    Loaded library = PluginLibrary::open(file);
    if (!library)
        return library;
    if (auto duplicate = duplicateOf(loaded, **library))
        return tl::unexpected<PluginProblem>(std::move(*duplicate));
    if (auto ready = (*library)->initialise(pluginHost()); !ready)
        return tl::unexpected<PluginProblem>(std::move(ready).error());
    return library;
}

template <typename Wrapper, typename Table>
void addMethods(const std::shared_ptr<PluginLibrary> &library, const std::vector<const Table *> &tables,
                MethodRegistry &registry, FindingList &findings) {
    for (const Table *table : tables) {
        auto method = Wrapper::make(library, table);
        if (!method) {
            findings.add(Severity::Error, method.error().message, library->file().string(),
                         "Ask the author of the plugin to repair the parameter schema.");
            continue;
        }
        if (auto added = registry.add(*method); !added)
            findings.add(PluginProblem{PluginFailure::DuplicateId, added.error().message, library->file()}
                             .toFinding());
    }
}

void addMethods(const std::shared_ptr<PluginLibrary> &library, MethodRegistry &registry,
                FindingList &findings) {
    addMethods<PluginQuantizer>(library, library->quantizers(), registry, findings);
    addMethods<PluginBranch>(library, library->branches(), registry, findings);
    addMethods<PluginTransform>(library, library->transforms(), registry, findings);
    addMethods<PluginBlock>(library, library->blocks(), registry, findings);
}

PluginReport reportFromJson(const nlohmann::json &json) {
    PluginReport report;
    report.id = json.value("id", "");
    report.version = json.value("version", "");
    report.license = json.value("license", "");
    report.checks = json.value("checks", 0);
    report.methods = json.value("methods", std::vector<std::string>{});
    for (const auto &broken : json.value("findings", nlohmann::json::array()))
        report.findings.push_back({Severity::Error, broken.value("what", ""), broken.value("where", ""), {}});
    return report;
}

} // namespace

std::vector<fs::path> pluginSearchPath() {
    std::vector<fs::path> folders;
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    if (!error)
        folders.push_back(program.parent_path().parent_path() / "lib/quantoscope/plugins");
    if (const char *list = std::getenv("QUANTOSCOPE_PLUGIN_PATH")) {
        std::istringstream stream(list);
        for (std::string folder; std::getline(stream, folder, ':');)
            if (!folder.empty())
                folders.emplace_back(folder);
    }
    const char *dataHome = std::getenv("XDG_DATA_HOME");
    const char *home = std::getenv("HOME");
    if (dataHome && *dataHome)
        folders.push_back(fs::path(dataHome) / "quantoscope/plugins");
    else if (home && *home)
        folders.push_back(fs::path(home) / ".local/share/quantoscope/plugins");
    return folders;
}

std::vector<std::shared_ptr<PluginLibrary>> loadPlugins(const PluginLoadOptions &options,
                                                        FindingList &findings) {
    std::vector<std::shared_ptr<PluginLibrary>> loaded;
    for (const fs::path &file : candidateFiles(options.folders)) {
        auto probed = probePlugin(file, options.probeTimeout);
        if (!probed) {
            findings.add(toFinding(probed.error()));
            continue;
        }
        if (*probed) {
            findings.add((*probed)->toFinding());
            continue;
        }
        if (Loaded library = loadOne(file, loaded); library)
            loaded.push_back(std::move(*library));
        else
            findings.add(library.error().toFinding());
    }
    return loaded;
}

std::shared_ptr<const MethodRegistry> loadMethods(const PluginLoadOptions &options, FindingList &findings) {
    auto registry = std::make_shared<MethodRegistry>();
    // An empty registry refuses nothing.
    [[maybe_unused]] const Status added = registry->add(makeRtnQuantizer());
    for (const auto &library : loadPlugins(options, findings))
        addMethods(library, *registry, findings);
    return registry;
}

std::shared_ptr<const MethodRegistry> loadMethods(FindingList &findings) {
    return loadMethods(PluginLoadOptions{}, findings);
}

Result<PluginReport> checkPlugin(const fs::path &file, const RunContext &ctx) {
    std::error_code ignored;
    if (!fs::exists(file, ignored))
        return fail(ErrorCode::NotFound, "there is no such file", file.string());
    QS_TRY(const ProbeReply reply, runProbe("check", file, kCheckTimeout, ctx));
    // A helper that was killed has reported nothing, or only half of it.
    const auto json = nlohmann::json::parse(reply.output, nullptr, false);
    PluginReport report;
    if (json.is_object())
        report = reportFromJson(json);
    if (std::string end = describeEnd(reply, "being checked"); !end.empty())
        report.findings.push_back({Severity::Error, end, file.string(), {}});
    else if (!json.is_object())
        report.findings.push_back({Severity::Error,
                                   fmt::format("the plugin ended the process with exit code {}", reply.code),
                                   file.string(),
                                   {}});
    return report;
}

} // namespace qs
