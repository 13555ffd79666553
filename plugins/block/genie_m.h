#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// GENIE-M: QDrop with learned scales; codes stay floor(w / first scale) or one above (the frozen base).
/// \source Jeon et al. 2023, arXiv:2212.04780; methods A, A34
struct GenieM : BlockMethod {
    static PluginMethodInfo info();
    static void plan(const char *parameters, qs_block_plan &plan);
    static void reconstruct(const BlockCall &call);
};

} // namespace qs
