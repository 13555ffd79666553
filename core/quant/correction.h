#pragma once

#include <span>
#include <string_view>

namespace qs {

/// What may be added to the outputs of a quantized layer, one value for each output channel.
enum class Correction {
    /// What makes the mean output on the calibration set that of the float layer again.
    /// \source Nagel et al. 2019, arXiv:1906.04721; methods A, A31
    Bias,
    /// Layers that read the norm behind an attention: what makes the mean output of that norm, in the network
    /// as it is quantized up to there, that of the float network again.
    /// \source D²Quant's deviation-aware correction; methods A, A22
    Norm,
    /// After all layers are quantized: biases are trained until the outputs of the network are close to those
    /// of the float network. \source Hubara et al. 2020, arXiv:2006.10518, bias tuning; methods A, A30
    Tuning,
};

/// How a correction is called, in the order in which corrections work.
struct CorrectionInfo {
    Correction kind;
    std::string_view id;      ///< in chains ("gptq+bias-correction") and as an option of qscope
    std::string_view key;     ///< of the boolean in a recipe
    std::string_view name;    ///< what a form shows
    std::string_view suffix;  ///< of names of recipes and methods
    std::string_view summary; ///< one sentence; all need a calibration set
    std::string_view source;  ///< paper
};
std::span<const CorrectionInfo> corrections();

} // namespace qs
