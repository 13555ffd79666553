#include "core/hardware/network_description.h"

namespace qs {

std::vector<LinearShape> NetworkDescription::blockLinears() const {
    const std::int64_t queries = heads * headDim, keys = kvHeads * headDim;
    const bool opt = modelType == "opt", vision = !isDecoder();
    const std::string attention = vision ? "attention." : "self_attn.";
    const auto name = [&](const char *language, const char *image) {
        return attention + (vision ? image : language);
    };
    std::vector<LinearShape> linears{
        {"q_proj", name("q_proj", "attention.query"), hidden, queries, queryKeyValueBias},
        {"k_proj", name("k_proj", "attention.key"), hidden, keys, queryKeyValueBias},
        {"v_proj", name("v_proj", "attention.value"), hidden, keys, queryKeyValueBias},
        {"out_proj", name(opt ? "out_proj" : "o_proj", "output.dense"), queries, hidden, outputBias}};
    const std::string mlp = opt || vision ? "" : "mlp.";
    if (gated)
        linears.push_back({"gate_proj", mlp + "gate_proj", hidden, intermediate, mlpBias});
    linears.push_back({"up_proj",
                       mlp + (opt      ? "fc1"
                              : vision ? "intermediate.dense"
                                       : "up_proj"),
                       hidden, intermediate, mlpBias});
    linears.push_back({"down_proj",
                       mlp + (opt      ? "fc2"
                              : vision ? "output.dense"
                                       : "down_proj"),
                       intermediate, hidden, mlpBias});
    return linears;
}

double NetworkDescription::otherParameters() const {
    const auto width = static_cast<double>(hidden);
    const double norm = rmsNorm ? width : 2 * width;
    double perBlock = 2 * norm;
    if (queryKeyNorm)
        perBlock += 2 * static_cast<double>(headDim);
    double all = static_cast<double>(blocks) * perBlock + (finalNorm ? norm : 0);
    all += static_cast<double>(positionRows) * width;
    if (!isDecoder())
        all += static_cast<double>(extraTokens) * width; // class and distillation tokens
    return all;
}

double NetworkDescription::parameters() const {
    double block = 0;
    for (const LinearShape &linear : blockLinears())
        block += linear.parameters();
    double all = static_cast<double>(blocks) * block + otherParameters();
    const auto width = static_cast<double>(hidden);
    if (!isDecoder()) {
        const auto patch = static_cast<double>(imageChannels * patchSize * patchSize);
        return all + patch * width + width + static_cast<double>(classes) * (width + 1);
    }
    const double table = static_cast<double>(vocabulary) * static_cast<double>(embeddingWidth);
    all += tiedHead ? table : 2 * table;
    if (embeddingWidth != hidden)
        all += 2 * static_cast<double>(embeddingWidth) * width; // projections to and from the blocks' width
    return all;
}

} // namespace qs
