#include "core/exec/reference/dispatch.h"
#include "core/exec/reference/families.h"

#include "core/tensor/convert.h"

#include <cmath>
#include <numbers>

namespace qs {
namespace {

/// a0 - a1·cos(2πn/N) + a2·cos(4πn/N).
struct CosineWindow {
    double a0, a1, a2;
};
constexpr CosineWindow kHann{0.5, 0.5, 0};
constexpr CosineWindow kHamming{25.0 / 46, 21.0 / 46, 0};
constexpr CosineWindow kBlackman{0.42, 0.5, 0.08};

/// The type that an output_datatype attribute names. \error Unsupported  no plain number
Result<DType> outputType(NodeReader &reader) {
    const auto type = static_cast<DType>(reader.intAttribute("output_datatype", 1));
    const bool known = isKnownDType(static_cast<std::int32_t>(type)) && dtypeBits(type) >= 8;
    if (!known || type == DType::Complex64 || type == DType::Complex128)
        return fail(ErrorCode::Unsupported, "an output_datatype that is no number of whole bytes");
    return type;
}

Outputs cosineWindow(const KernelCall &call, const CosineWindow &window, bool periodic, DType type) {
    QS_TRY(const std::int64_t size, integerScalar(call, 0));
    QS_TRY(Tensor values, call.allocate(DType::Float64, Shape{size}));
    // One sample is the middle of its window; the symmetric formula would divide by 0.
    const double period = periodic ? static_cast<double>(size) : static_cast<double>(size - 1);
    const std::span<double> dst = values.mutableValues<double>();
    for (std::size_t n = 0; n < dst.size(); ++n) {
        const double phase = 2 * std::numbers::pi * static_cast<double>(n) / period;
        dst[n] = size == 1 ? 1 : window.a0 - window.a1 * std::cos(phase) + window.a2 * std::cos(2 * phase);
    }
    QS_TRY(Tensor result, castTensor(values, type));
    return std::vector<Tensor>{std::move(result)};
}

template <const CosineWindow &Window>
Result<Kernel> signalWindow(NodeReader &reader) {
    QS_TRY(const DType type, outputType(reader));
    return Kernel([type, periodic = reader.flag("periodic", true)](KernelCall &call) {
        return cosineWindow(call, Window, periodic, type);
    });
}

struct MelBands {
    std::int64_t bands = 0, spectrumBins = 0;
    std::vector<std::int64_t> edges; ///< spectrum bin where each band begins; two more than bands
};

/// Bands of equal width in mel = 2595·log10(1 + hertz / 700), as bins of a spectrum.
/// \source the ONNX specification of MelWeightMatrix, whose steps are (high - low) / (bands + 2)
Result<MelBands> melBands(const KernelCall &call) {
    MelBands result;
    QS_TRY(result.bands, integerScalar(call, 0));
    QS_TRY(const std::int64_t length, integerScalar(call, 1));
    QS_TRY(const std::int64_t rate, integerScalar(call, 2));
    QS_CHECK_OK(requireInputs(call, 5));
    QS_TRY(const Tensor lowEdge, castTensor(call[3], DType::Float64));
    QS_TRY(const Tensor highEdge, castTensor(call[4], DType::Float64));
    constexpr std::int64_t kLargest = std::int64_t{1} << 24;
    if (lowEdge.numel() != 1 || highEdge.numel() != 1 || result.bands < 1 || result.bands > kLargest ||
        length < 1 || length > kLargest || rate < 1)
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("{} bands of a spectrum of length {} at {} samples per second", result.bands,
                                length, rate));
    const double low = lowEdge.values<double>()[0], high = highEdge.values<double>()[0];
    if (!(low >= 0 && high > low && high <= static_cast<double>(rate) / 2))
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("bands from {} to {} Hz at {} samples per second", low, high, rate));
    const double lowMel = 2595 * std::log10(1 + low / 700), highMel = 2595 * std::log10(1 + high / 700);
    const double step = (highMel - lowMel) / static_cast<double>(result.bands + 2);
    result.spectrumBins = length / 2 + 1;
    for (std::int64_t i = 0; i < result.bands + 2; ++i) {
        const double hertz = 700 * (std::pow(10, (lowMel + static_cast<double>(i) * step) / 2595) - 1);
        const double bin = std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate));
        result.edges.push_back(std::clamp<std::int64_t>(static_cast<std::int64_t>(bin), 0, length / 2));
    }
    return result;
}

Outputs melWeights(const KernelCall &call, DType type) {
    QS_TRY(const MelBands mel, melBands(call));
    QS_TRY(Tensor weights, call.allocate(DType::Float64, Shape{mel.spectrumBins, mel.bands}));
    double *dst = weights.mutableValues<double>().data();
    std::fill_n(dst, weights.numel(), 0.0);
    for (std::int64_t band = 0; band < mel.bands; ++band) {
        const std::int64_t *edge = mel.edges.data() + band;
        const auto lower = static_cast<double>(edge[0]), center = static_cast<double>(edge[1]),
                   higher = static_cast<double>(edge[2]);
        for (std::int64_t bin = edge[0]; bin < edge[1]; ++bin)
            dst[bin * mel.bands + band] = (static_cast<double>(bin) - lower) / (center - lower);
        dst[edge[1] * mel.bands + band] = 1;
        for (std::int64_t bin = edge[1]; bin < edge[2]; ++bin)
            dst[bin * mel.bands + band] = (higher - static_cast<double>(bin)) / (higher - center);
    }
    QS_TRY(Tensor result, castTensor(weights, type));
    return std::vector<Tensor>{std::move(result)};
}

Result<Kernel> melWeightMatrix(NodeReader &reader) {
    QS_TRY(const DType type, outputType(reader));
    return Kernel([type](KernelCall &call) { return melWeights(call, type); });
}

constexpr KernelEntry kEntries[] = {
    {"HannWindow", 17, signalWindow<kHann>},
    {"HammingWindow", 17, signalWindow<kHamming>},
    {"BlackmanWindow", 17, signalWindow<kBlackman>},
    {"MelWeightMatrix", 17, melWeightMatrix},
};

} // namespace

KernelFamily signalWindowKernels() {
    return kEntries;
}

} // namespace qs
