#include "core/quant/granularity.h"

#include <fmt/format.h>

namespace qs {

std::string_view granularityName(Granularity granularity) {
    switch (granularity) {
    case Granularity::PerTensor:
        return "tensor";
    case Granularity::PerChannel:
        return "channel";
    case Granularity::PerGroup:
        return "group";
    }
    return "channel";
}

Result<Granularity> granularityFromName(std::string_view name) {
    for (Granularity granularity : {Granularity::PerTensor, Granularity::PerChannel, Granularity::PerGroup})
        if (name == granularityName(granularity))
            return granularity;
    return fail(ErrorCode::InvalidArgument,
                fmt::format("'{}' is no granularity; use tensor, channel or group", name));
}

} // namespace qs
