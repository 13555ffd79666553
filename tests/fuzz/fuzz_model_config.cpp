#include "core/base/json_text.h"
#include "core/hardware/network_description.h"
#include "core/io/architectures/architectures.h"
#include "core/io/importers/safetensors_files.h"

// A config.json, once as a description of costs and once as a network, with the weights of a small model of
// each family: a config that fits one of them is read to its end.

namespace {

std::vector<std::vector<qs::NamedTensor>> readFamilies() {
    std::vector<std::vector<qs::NamedTensor>> families;
    for (const char *name :
         {"qwen2", "qwen3-tied", "llama3-rope", "gpt2", "opt", "opt-post-norm", "bert-mlm", "vit"}) {
        qs::FindingList findings;
        const auto files = qs::findSafetensors(std::filesystem::path(QS_TEST_DATA) / "architectures" / name);
        auto tensors = files ? qs::readSafetensors(*files, findings, {}) : qs::fail(files.error());
        if (tensors)
            families.push_back(std::move(*tensors));
    }
    return families;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    static const auto families = readFamilies();
    const auto config = qs::parseJson({reinterpret_cast<const char *>(data), size}, "config.json");
    if (!config)
        return 0;
    (void)qs::networkFromConfig(*config, "config.json");
    for (const auto &tensors : families) {
        qs::FindingList findings;
        (void)qs::buildArchitecture(*config, "config.json", tensors, findings, {});
    }
    return 0;
}
