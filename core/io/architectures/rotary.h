#pragma once

#include "core/hardware/config_reader.h"
#include "core/tensor/tensor.h"

#include <vector>

namespace qs {

/// Rotary positions: pairs (m, m + width/2) of a head turn by position · frequency m ("rotate half").
/// \source file_formats 4.1
struct RotaryConfig {
    enum class Scaling { None, Linear, Llama3, Yarn };

    double theta = 10000;
    Scaling scaling = Scaling::None;
    double factor = 1;
    double originalPositions = 0;                           ///< Llama3, Yarn: positions of the first training
    double lowFrequencyFactor = 1, highFrequencyFactor = 4; ///< Llama3
    double betaFast = 32, betaSlow = 1;                     ///< Yarn
    double attentionFactor = 0;            ///< Yarn: multiplies cos and sin; 0 = 0.1 ln(factor) + 1
    std::vector<double> frequencyDivisors; ///< [width / 2] from a file, or empty
};

/// Radians by which a pair turns from one position to the next. \param pair  0 .. width / 2 − 1 of a head
double rotaryFrequency(const RotaryConfig &config, std::int64_t pair, std::int64_t width);

/// cos and sin of the angles of every position, computed in float32 as the models were trained.
struct RotaryTables {
    Tensor cos, sin; ///< float32 [positions, width]; the second half repeats the first
};
RotaryTables rotaryTables(const RotaryConfig &config, std::int64_t width, std::int64_t positions);

/// Reads rope_theta and rope_scaling (or rope_parameters). Types that are not known, and fields of known ones
/// that change the result in a way that is not, are complained about. \param positions
/// max_position_embeddings
RotaryConfig readRotaryConfig(ConfigReader &reader, std::int64_t positions);

} // namespace qs
