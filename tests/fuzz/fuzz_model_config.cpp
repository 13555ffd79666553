#include "core/base/json_text.h"
#include "core/hardware/network_description.h"
#include "core/io/architectures/architectures.h"

// A config.json, once as a description of costs and once as a network whose tensors are all missing.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto config = qs::parseJson({reinterpret_cast<const char *>(data), size}, "config.json");
    if (!config)
        return 0;
    (void)qs::networkFromConfig(*config, "config.json");
    qs::FindingList findings;
    (void)qs::buildArchitecture(*config, "config.json", {}, findings, {});
    return 0;
}
