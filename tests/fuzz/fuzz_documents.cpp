#include "core/base/json_text.h"
#include "core/hardware/hardware_profile.h"
#include "core/session/sweep/sweep_results.h"

#include <cstdlib>

// JSON documents that users exchange: devices and results of sweeps. What is read can be written, and read
// again.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const auto json = qs::parseJson({reinterpret_cast<const char *>(data), size}, "document.json");
    if (!json)
        return 0;
    (void)qs::HardwareProfile::fromJson(*json, "document.json");
    const auto sweep = qs::sweepFromJson(*json);
    if (sweep && !qs::sweepFromJson(qs::sweepToJson(*sweep)))
        std::abort();
    return 0;
}
