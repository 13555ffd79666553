#pragma once

#include "core/base/finding.h"

#include <filesystem>
#include <memory>
#include <quantoscope/plugin.h>
#include <string>
#include <string_view>
#include <vector>

namespace qs {

/// Why a plugin is not used. The first six are the version law, the last two are what the probe found.
enum class PluginFailure {
    CannotOpen,     ///< not a shared library, or it needs symbols that are not there
    NoSymbol,       ///< no `qs_plugin`
    WrongMajor,     ///< built for another major version of the ABI
    StructTooSmall, ///< a struct ends before the fields of ABI 1.0, or a field that must be set is null
    InitFailed,     ///< init() returned an error or threw
    DuplicateId,    ///< another plugin or method has this id
    Crashed,        ///< killed by a signal, or ended the process, while loading
    TimedOut,       ///< did not finish loading in time
};
std::string_view pluginFailureName(PluginFailure failure); ///< "cannot_open", …
std::string_view pluginFailureAdvice(PluginFailure failure);

/// A refused plugin; the message names both versions where versions are the matter.
struct PluginProblem {
    PluginFailure failure = PluginFailure::CannotOpen;
    std::string message;
    std::filesystem::path file;

    Finding toFinding() const;
};

/// An open plugin file. It stays loaded, and its tables valid, as long as anybody holds it.
class PluginLibrary {
public:
    /// dlopen and the version law; does not call the plugin.
    static tl::expected<std::shared_ptr<PluginLibrary>, PluginProblem>
    open(const std::filesystem::path &file);
    /// Calls deinit if init succeeded, then unloads.
    ~PluginLibrary();
    PluginLibrary(const PluginLibrary &) = delete;
    PluginLibrary &operator=(const PluginLibrary &) = delete;

    /// Calls init once and reads the tables. `host` must outlive this object.
    tl::expected<void, PluginProblem> initialise(const qs_host &host);

    const std::filesystem::path &file() const { return m_file; }
    const qs_plugin_entry &entry() const { return *m_entry; }
    /// After initialise(): complete tables only.
    const std::vector<const qs_quantizer *> &quantizers() const { return m_quantizers; }
    const std::vector<const qs_branch *> &branches() const { return m_branches; }
    const std::vector<const qs_transform *> &transforms() const { return m_transforms; }
    const std::vector<const qs_block_method *> &blocks() const { return m_blocks; }

private:
    PluginLibrary(std::filesystem::path file, void *handle) : m_file(std::move(file)), m_handle(handle) {}
    tl::unexpected<PluginProblem> refuse(PluginFailure failure, std::string message) const;
    tl::expected<void, PluginProblem> readEntry();
    tl::expected<void, PluginProblem> readTables();
    template <typename Table>
    tl::expected<void, PluginProblem> readTables(const char *extension, std::size_t smallest,
                                                 std::vector<const Table *> &tables);

    std::filesystem::path m_file;
    void *m_handle = nullptr;
    const qs_plugin_entry *m_entry = nullptr;
    bool m_initialised = false;
    std::vector<const qs_quantizer *> m_quantizers;
    std::vector<const qs_branch *> m_branches;
    std::vector<const qs_transform *> m_transforms;
    std::vector<const qs_block_method *> m_blocks;
};

} // namespace qs
