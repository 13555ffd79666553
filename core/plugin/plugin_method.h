#pragma once

#include "core/plugin/plugin_host.h"
#include "core/plugin/plugin_library.h"

#include <array>
#include <fmt/format.h>

namespace qs {

// What the wrappers of all kinds of plugin methods do alike.

inline constexpr std::size_t kPluginMessageSize = 1024;

/// QS_CANCELLED has no code of its own: a method that stops although nobody asked it to has failed.
ErrorCode pluginErrorCode(qs_status status);
MethodStatus pluginMethodStatus(std::int32_t status);
std::vector<std::string> splitTags(const char *tags);

/// Everything that all tables have; kind and needs by the caller.
template <typename Table>
MethodInfo pluginMethodInfo(const Table &table, const PluginLibrary &library, MethodKind kind) {
    MethodInfo info;
    info.kind = kind;
    info.id = table.id;
    info.name = table.name;
    info.summary = table.summary;
    info.paper = table.paper;
    info.tags = splitTags(table.tags);
    info.version = library.entry().version;
    info.origin = library.file().string();
    info.status = pluginMethodStatus(table.status);
    info.needsHessian = (table.needs & QS_NEEDS_HESSIAN) != 0;
    info.needsInputs = (table.needs & QS_NEEDS_INPUTS) != 0;
    return info;
}

/// Asks `supports` of a table; exceptions become a no.
template <typename Table, typename Request>
Support pluginSupport(const Table &table, const Request &request) {
    std::array<char, kPluginMessageSize> reason{};
    try {
        if (table.supports(&request, reason.data(), reason.size()) != 0)
            return {};
    } catch (...) {
        return {false, "the plugin threw an exception when asked"};
    }
    reason.back() = '\0';
    return {false, reason.front() ? reason.data() : "the plugin refuses and gives no reason"};
}

/// What a call came to: cancelled, failed with the plugin's message, or fine.
Status pluginOutcome(qs_status status, const char *message, const MethodInfo &info, const RunContext &ctx);

/// Runs a function of a plugin; exceptions become QS_FAILED with a message.
template <typename Function>
qs_status callPlugin(std::array<char, kPluginMessageSize> &message, Function function) {
    try {
        const qs_status status = function();
        message.back() = '\0';
        return status;
    } catch (...) {
        fmt::format_to_n(message.data(), message.size() - 1, "it threw an exception");
        return QS_FAILED;
    }
}

/// \error InvalidArgument  names row and column
Status checkFinite(MatrixView<const float> weights, const std::string &layer);

/// What must hold of a matrix that a plugin filled: validate(), and scales that can be stored as announced.
/// \error PluginFailure
Status checkReturned(const QuantizedMatrix &matrix);

} // namespace qs
