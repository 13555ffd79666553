#include "core/io/importers/gguf_names.h"

#include <array>
#include <cstring>

namespace qs {
namespace {

using NamePair = std::pair<std::string_view, std::string_view>;

constexpr std::array<NamePair, 3> kOuter{
    {{"embed_tokens.", "token_embd."}, {"norm.", "output_norm."}, {"lm_head.", "output."}}};
constexpr std::array<NamePair, 11> kInner{{{"input_layernorm.", "attn_norm."},
                                           {"self_attn.q_proj.", "attn_q."},
                                           {"self_attn.k_proj.", "attn_k."},
                                           {"self_attn.v_proj.", "attn_v."},
                                           {"self_attn.o_proj.", "attn_output."},
                                           {"self_attn.q_norm.", "attn_q_norm."},
                                           {"self_attn.k_norm.", "attn_k_norm."},
                                           {"post_attention_layernorm.", "ffn_norm."},
                                           {"mlp.gate_proj.", "ffn_gate."},
                                           {"mlp.up_proj.", "ffn_up."},
                                           {"mlp.down_proj.", "ffn_down."}}};

std::string replaced(std::string_view name, std::span<const NamePair> pairs) {
    for (const auto &[ours, theirs] : pairs)
        if (name.starts_with(ours))
            return std::string(theirs) + std::string(name.substr(ours.size()));
    return {};
}

/// \param source  the row of `tensor` that becomes a row of the result, by row in its head
template <typename Source>
Tensor reordered(const Tensor &tensor, std::int64_t width, Source source) {
    const std::int64_t rows = tensor.shape()[0];
    const std::size_t bytes = tensor.sizeBytes() / static_cast<std::size_t>(rows);
    Tensor result = Tensor::allocate(tensor.dtype(), tensor.shape());
    for (std::int64_t row = 0; row < rows; ++row) {
        const std::int64_t inHead = row % width, src = row - inHead + source(inHead);
        std::memcpy(result.mutableBytes() + static_cast<std::size_t>(row) * bytes,
                    tensor.bytes() + static_cast<std::size_t>(src) * bytes, bytes);
    }
    return result;
}

} // namespace

std::string ggufTensorName(const std::string &parameter) {
    constexpr std::string_view kLayers = "layers.";
    if (!parameter.starts_with(kLayers))
        return replaced(parameter, kOuter);
    const std::size_t number = parameter.find('.', kLayers.size());
    if (number == std::string::npos)
        return {};
    const std::string rest = replaced(std::string_view(parameter).substr(number + 1), kInner);
    return rest.empty() ? rest
                        : "blk." + parameter.substr(kLayers.size(), number + 1 - kLayers.size()) + rest;
}

bool turnsInPairs(const std::string &parameter) {
    return parameter.find(".q_proj.") != parameter.npos || parameter.find(".k_proj.") != parameter.npos;
}

Tensor rowsOfHalves(const Tensor &tensor, std::int64_t width) {
    return reordered(tensor, width,
                     [half = width / 2](std::int64_t row) { return row % half * 2 + row / half; });
}

Tensor rowsOfPairs(const Tensor &tensor, std::int64_t width) {
    return reordered(tensor, width,
                     [half = width / 2](std::int64_t row) { return row / 2 + row % 2 * half; });
}

} // namespace qs
