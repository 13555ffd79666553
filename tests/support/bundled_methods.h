#pragma once

#include "core/plugin/plugin_loader.h"
#include "core/quant/method_registry.h"

namespace qs::test {

/// Round-to-nearest and the bundled plugins, loaded as the programs load them; nothing of the user's.
inline std::shared_ptr<const MethodRegistry> bundledMethods(FindingList &findings) {
    PluginLoadOptions options;
    options.folders = {std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
                       "lib/quantoscope/plugins"};
    return loadMethods(options, findings);
}

inline std::shared_ptr<const Quantizer> bundledMethod(std::string_view id) {
    FindingList findings;
    return bundledMethods(findings)->find(id);
}

} // namespace qs::test
