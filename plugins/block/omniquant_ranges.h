#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// OmniQuant's learnable weight clipping, learned by gradients through blocks.
/// \source Shao et al. 2023, arXiv:2308.13137; methods A, A9
struct OmniQuantRanges : BlockMethod {
    static PluginMethodInfo info();
    static void plan(const char *parameters, qs_block_plan &plan);
    static void reconstruct(const BlockCall &call);
};

} // namespace qs
