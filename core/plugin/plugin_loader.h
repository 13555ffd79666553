#pragma once

#include "core/base/run_context.h"
#include "core/plugin/plugin_library.h"
#include "core/quant/method_registry.h"

#include <chrono>

namespace qs {

/// Where plugins are looked for, in this order: beside the program (<exe>/../lib/quantoscope/plugins), the
/// folders of QUANTOSCOPE_PLUGIN_PATH (separated by ':'), and the user's own ($XDG_DATA_HOME or
/// ~/.local/share, then quantoscope/plugins). Folders need not exist.
std::vector<std::filesystem::path> pluginSearchPath();

/// How plugins are loaded; the defaults are what the programs use.
struct PluginLoadOptions {
    std::vector<std::filesystem::path> folders = pluginSearchPath();
    /// Each plugin is first loaded by the helper `qscope-plugin-probe`, so that one that crashes or hangs
    /// takes only the helper with it; this is how long it may take there.
    std::chrono::milliseconds probeTimeout{10000};
};

/// Loads every *.so in the folders, by name within a folder; a file that appears twice is loaded once.
/// Each refused plugin is a finding; none is fatal.
/// \thread call from the main thread
std::vector<std::shared_ptr<PluginLibrary>> loadPlugins(const PluginLoadOptions &options,
                                                        FindingList &findings);

/// All methods: round-to-nearest, then those of the plugins. A method whose id is taken is a finding.
/// \thread call from the main thread; the result is immutable
std::shared_ptr<const MethodRegistry> loadMethods(const PluginLoadOptions &options, FindingList &findings);
std::shared_ptr<const MethodRegistry> loadMethods(FindingList &findings);

/// What `qscope plugins check` found out about one file.
struct PluginReport {
    std::string id, version, license; ///< empty when it could not be loaded
    std::vector<std::string> methods; ///< ids
    int checks = 0;                   ///< promises of the contract that were tried
    std::vector<Finding> findings;    ///< broken ones, in words; empty = good

    bool good() const { return findings.empty(); }
};

/// Loads a plugin in the helper process and tries every method against the contract on small random weights.
/// A crash or hang is one of the findings.
/// \error NotFound   there is no such file, or the helper is missing
/// \error Cancelled
Result<PluginReport> checkPlugin(const std::filesystem::path &file, const RunContext &ctx);

} // namespace qs
