#include "plugins/rounding/solver_call.h"

namespace qs {

SliceScheme schemeOf(const qs_quantize_request &request) {
    SliceScheme scheme;
    scheme.sharing = request.granularity == QS_PER_TENSOR    ? GridSharing::PerTensor
                     : request.granularity == QS_PER_CHANNEL ? GridSharing::PerRow
                                                             : GridSharing::PerGroup;
    scheme.groupSize = request.group_size;
    scheme.range = {request.lowest_code, request.highest_code};
    scheme.rounding = roundingOf(request);
    scheme.float16Scales = request.scale_as_float16 != 0;
    return scheme;
}

void store(const PluginCall &call, const LayerCodes &layer) {
    const LayerGrids &grids = layer.grids;
    const qs_quantize_result &result = call.result();
    std::copy(layer.codes.begin(), layer.codes.end(), result.codes);
    std::copy(grids.scales.begin(), grids.scales.end(), result.scales);
    std::copy(grids.groupOfColumn.begin(), grids.groupOfColumn.end(), result.group_of_column);
    if (result.real_zero_points) {
        std::copy(grids.zeros.begin(), grids.zeros.end(), result.real_zero_points);
        return;
    }
    for (std::size_t slice = 0; slice < grids.zeros.size(); ++slice)
        result.zero_points[slice] = static_cast<std::int32_t>(grids.zeros[slice]);
}

void store(const PluginCall &call, const KeptValues &outliers) {
    const std::int64_t cols = call.request().cols;
    for (std::size_t i = 0; i < outliers.elements.size(); ++i)
        call.keepOutlier(outliers.elements[i] / cols, outliers.elements[i] % cols, outliers.values[i]);
}

std::string refusePerTensor(const qs_quantize_request &request, const char *reason) {
    return request.granularity == QS_PER_TENSOR ? std::string(reason) + "; choose per channel or per group"
                                                : std::string();
}

} // namespace qs
