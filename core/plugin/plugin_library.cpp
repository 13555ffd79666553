#include "core/plugin/plugin_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace qs {
namespace {

// Sizes of ABI 1.0: what a struct must hold at least. They stay when fields are added at the end.
constexpr std::size_t kHeaderSize = offsetof(qs_plugin_entry, abi_minor) + sizeof(std::uint32_t);
constexpr std::size_t kEntrySize = offsetof(qs_plugin_entry, get) + sizeof(qs_plugin_entry::get);
constexpr std::size_t kQuantizerSize = offsetof(qs_quantizer, quantize) + sizeof(qs_quantizer::quantize);
constexpr std::size_t kBranchSize = offsetof(qs_branch, decompose) + sizeof(qs_branch::decompose);
constexpr std::size_t kTransformSize = offsetof(qs_transform, transform) + sizeof(qs_transform::transform);
constexpr std::size_t kBlockSize =
    offsetof(qs_block_method, reconstruct) + sizeof(qs_block_method::reconstruct);
constexpr std::size_t kMaxMethods = 1024;

bool isComplete(const qs_plugin_entry &entry) {
    return entry.id && *entry.id && entry.version && entry.license && entry.init && entry.deinit &&
           entry.count && entry.get;
}

template <typename Table>
bool isDescribed(const Table &table) {
    return table.id && *table.id && table.name && table.summary && table.paper && table.tags &&
           table.parameters;
}

bool isComplete(const qs_quantizer &table) {
    return isDescribed(table) && table.supports && table.quantize;
}

bool isComplete(const qs_branch &table) {
    return isDescribed(table) && table.supports && table.cost && table.decompose;
}

bool isComplete(const qs_transform &table) {
    return isDescribed(table) && table.supports && table.cost && table.transform;
}

bool isComplete(const qs_block_method &table) {
    return isDescribed(table) && table.cost && table.plan && table.reconstruct;
}

} // namespace

std::string_view pluginFailureName(PluginFailure failure) {
    switch (failure) {
    case PluginFailure::CannotOpen:
        return "cannot_open";
    case PluginFailure::NoSymbol:
        return "no_symbol";
    case PluginFailure::WrongMajor:
        return "wrong_major";
    case PluginFailure::StructTooSmall:
        return "struct_too_small";
    case PluginFailure::InitFailed:
        return "init_failed";
    case PluginFailure::DuplicateId:
        return "duplicate_id";
    case PluginFailure::Crashed:
        return "crashed";
    case PluginFailure::TimedOut:
        return "timed_out";
    }
    return "unknown";
}

std::string_view pluginFailureAdvice(PluginFailure failure) {
    switch (failure) {
    case PluginFailure::CannotOpen:
        return "Install the libraries that it needs, or remove the file.";
    case PluginFailure::NoSymbol:
        return "It is not a Quantoscope plugin; remove it from the plugin folder.";
    case PluginFailure::WrongMajor:
        return "Rebuild the plugin with the headers of this version.";
    case PluginFailure::StructTooSmall:
        return "Fill in every field of plugin.h and rebuild the plugin.";
    case PluginFailure::InitFailed:
        return "Ask the author of the plugin; the rest of the program works without it.";
    case PluginFailure::DuplicateId:
        return "Remove one of the two files.";
    case PluginFailure::Crashed:
    case PluginFailure::TimedOut:
        return "It was not loaded. Remove it, or run 'qscope plugins check' on it.";
    }
    return "";
}

Finding PluginProblem::toFinding() const {
    return {Severity::Error, message, file.string(), std::string(pluginFailureAdvice(failure))};
}

tl::unexpected<PluginProblem> PluginLibrary::refuse(PluginFailure failure, std::string message) const {
    return tl::unexpected<PluginProblem>(PluginProblem{failure, std::move(message), m_file});
}

tl::expected<std::shared_ptr<PluginLibrary>, PluginProblem>
PluginLibrary::open(const std::filesystem::path &file) {
    // With a slash in the name, or dlopen would search the system folders.
    std::error_code ignored;
    std::filesystem::path absolute = std::filesystem::absolute(file, ignored);
    void *handle = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *reason = dlerror();
        return tl::unexpected<PluginProblem>(PluginProblem{
            PluginFailure::CannotOpen,
            fmt::format("cannot open the plugin: {}", reason ? reason : "unknown reason"), file});
    }
    std::shared_ptr<PluginLibrary> library(new PluginLibrary(std::move(absolute), handle));
    if (auto read = library->readEntry(); !read)
        return tl::unexpected<PluginProblem>(std::move(read).error());
    return library;
}

PluginLibrary::~PluginLibrary() {
    if (m_initialised)
        m_entry->deinit();
    dlclose(m_handle);
}

tl::expected<void, PluginProblem> PluginLibrary::readEntry() {
    const auto *entry = static_cast<const qs_plugin_entry *>(dlsym(m_handle, "qs_plugin"));
    if (!entry)
        return refuse(PluginFailure::NoSymbol, "the library does not export 'qs_plugin'");
    if (entry->struct_size < kHeaderSize)
        return refuse(PluginFailure::StructTooSmall,
                      fmt::format("qs_plugin has {} bytes; ABI {}.{} needs {}", entry->struct_size,
                                  QS_ABI_MAJOR, QS_ABI_MINOR, kEntrySize));
    if (entry->abi_major != QS_ABI_MAJOR)
        return refuse(PluginFailure::WrongMajor,
                      fmt::format("the plugin was built for ABI {}.{}; this program has {}.{}",
                                  entry->abi_major, entry->abi_minor, QS_ABI_MAJOR, QS_ABI_MINOR));
    if (entry->struct_size < kEntrySize)
        return refuse(PluginFailure::StructTooSmall,
                      fmt::format("qs_plugin has {} bytes (plugin's ABI {}.{}); ABI {}.{} needs {}",
                                  entry->struct_size, entry->abi_major, entry->abi_minor, QS_ABI_MAJOR,
                                  QS_ABI_MINOR, kEntrySize));
    if (!isComplete(*entry))
        return refuse(
            PluginFailure::StructTooSmall,
            fmt::format("qs_plugin leaves a field empty that ABI {}.{} needs", QS_ABI_MAJOR, QS_ABI_MINOR));
    m_entry = entry;
    return {};
}

tl::expected<void, PluginProblem> PluginLibrary::initialise(const qs_host &host) {
    const std::string folder = m_file.parent_path().string();
    qs_status status = QS_FAILED;
    try {
        status = m_entry->init(&host, folder.c_str());
    } catch (...) {
        return refuse(PluginFailure::InitFailed, fmt::format("init of plugin '{}' {} threw an exception",
                                                             m_entry->id, m_entry->version));
    }
    if (status != QS_OK)
        return refuse(PluginFailure::InitFailed, fmt::format("init of plugin '{}' {} returned status {}",
                                                             m_entry->id, m_entry->version, status));
    m_initialised = true;
    return readTables();
}

template <typename Table>
tl::expected<void, PluginProblem> PluginLibrary::readTables(const char *extension, std::size_t smallest,
                                                            std::vector<const Table *> &tables) {
    const std::size_t count = m_entry->count(extension);
    if (count > kMaxMethods)
        return refuse(PluginFailure::InitFailed,
                      fmt::format("the plugin claims to have {} methods of {}", count, extension));
    for (std::size_t i = 0; i < count; ++i) {
        const auto *table = static_cast<const Table *>(m_entry->get(extension, i));
        if (!table || table->struct_size < smallest)
            return refuse(PluginFailure::StructTooSmall,
                          fmt::format("method {} of {} has {} bytes (plugin's ABI {}.{}); ABI {}.{} needs {}",
                                      i, extension, table ? table->struct_size : 0, m_entry->abi_major,
                                      m_entry->abi_minor, QS_ABI_MAJOR, QS_ABI_MINOR, smallest));
        if (!isComplete(*table))
            return refuse(PluginFailure::StructTooSmall,
                          fmt::format("method {} of {} leaves a field empty that ABI {}.{} needs", i,
                                      extension, QS_ABI_MAJOR, QS_ABI_MINOR));
        tables.push_back(table);
    }
    return {};
}

tl::expected<void, PluginProblem> PluginLibrary::readTables() {
    if (auto read = readTables(QS_EXTENSION_QUANTIZER, kQuantizerSize, m_quantizers); !read)
        return read;
    if (auto read = readTables(QS_EXTENSION_BRANCH, kBranchSize, m_branches); !read)
        return read;
    if (auto read = readTables(QS_EXTENSION_TRANSFORM, kTransformSize, m_transforms); !read)
        return read;
    return readTables(QS_EXTENSION_BLOCK, kBlockSize, m_blocks);
}

} // namespace qs
