#pragma once

#include "core/tensor/blocks/block_type.h"

#include <quantoscope/plugin.hpp>

namespace qs {

/// Block formats of ggml as methods: byte for byte what llama.cpp writes without an importance matrix. A
/// method takes the bits and the group size that its format has, and no others. \source file_formats 13; ggml
/// commit d99724f
PluginMethodInfo blockMethodInfo(BlockType type);
std::string blockRefusal(BlockType type, const qs_quantize_request &request);
void quantizeToBlocks(BlockType type, const PluginCall &call);

template <BlockType Type>
struct BlockQuantizer : QuantizerMethod {
    static PluginMethodInfo info() { return blockMethodInfo(Type); }
    static std::string refusal(const qs_quantize_request &request) { return blockRefusal(Type, request); }
    static void quantize(const PluginCall &call) { quantizeToBlocks(Type, call); }
};

} // namespace qs
