#include "core/quant/correction.h"

namespace qs {

std::span<const CorrectionInfo> corrections() {
    static constexpr CorrectionInfo kCorrections[] = {
        {Correction::Bias, "bias-correction", "correctBias", "Bias correction", "bias",
         "Adds to each output what brings its mean on the calibration set back to that of the float layer.",
         "Nagel et al. 2019, arXiv:1906.04721"},
        {Correction::Norm, "norm-correction", "correctNorm", "Norm correction", "norm",
         "Layers behind the norm that follows an attention: takes back the mean shift that quantization up "
         "to "
         "there causes at that norm.",
         "D²Quant, deviation-aware correction"},
        {Correction::Tuning, "bias-tuning", "tuneBias", "Bias tuning", "tuned",
         "After all layers are quantized: trains what is added to each output until the network's outputs "
         "are "
         "close to those of the float network on the calibration set.",
         "Hubara et al. 2020, arXiv:2006.10518"},
    };
    return kCorrections;
}

} // namespace qs
