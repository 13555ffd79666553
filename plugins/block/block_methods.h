#pragma once

#include <quantoscope/plugin.hpp>

namespace qs {

/// BRECQ: rounding of all layers of a block learned against the block's output, then the activation steps.
/// \source Li et al. 2021, arXiv:2102.05426; methods A, A24
struct Brecq : BlockMethod {
    static PluginMethodInfo info();
    static void plan(const char *parameters, qs_block_plan &plan);
    static void reconstruct(const BlockCall &call);
};

/// QDrop: the same with rounding and activation steps learned together while activations are quantized at
/// random. \source Wei et al. 2022, arXiv:2203.05740; methods A, A25
struct QDrop : BlockMethod {
    static PluginMethodInfo info();
    static void plan(const char *parameters, qs_block_plan &plan);
    static void reconstruct(const BlockCall &call);
};

} // namespace qs
