#pragma once

#include <span>
#include <vector>

namespace qs {

/// s_j = a_j^alpha / w_j^(1 − alpha): alpha 1 puts all activations at magnitude 1, alpha 0 all weights, 0.5
/// makes both maxima of every channel equal. Channels whose input never exceeds 1e-8 keep 1: nothing can be
/// learned from them, and dividing by almost 0 would blow up what produces them.
///
/// \param inputs, weights  largest magnitude by channel; weights below 1e-5 count as 1e-5
/// \param alpha            0..1
/// \return [channels], >= 1e-5
/// \source Xiao et al. 2022, arXiv:2211.10438, eq. 4; methods A, A7
std::vector<float> smoothScale(std::span<const float> inputs, std::span<const float> weights, double alpha);

/// Middle of the range of every channel, (min + max) / 2. \source methods A, A8
std::vector<float> centreShift(std::span<const float> minimum, std::span<const float> maximum);
/// Half of the width of every channel: its magnitude once the middle is taken off.
std::vector<float> centredMagnitude(std::span<const float> minimum, std::span<const float> maximum);

/// s_j = m_j^ratio, normalized so that the largest times the least is 1; channels without input keep 1 and
/// stay out of it.
/// \param meanMagnitude  mean |x| by channel
/// \param ratio          0 gives all 1
/// \source Lin et al. 2023, arXiv:2306.00978; methods A, A6
std::vector<float> activationAwareScale(std::span<const float> meanMagnitude, double ratio);

/// s_j = c_j^(1 − alpha), the part of CrossQuant's step that belongs to a channel; channels without input
/// keep
/// 1. \param inputs  largest magnitude by channel \source methods A, A21
std::vector<float> crossQuantScale(std::span<const float> inputs, double alpha);

/// s_j = sqrt(m_j / m) for channels whose magnitude m_j is an outlier among all, m being the largest that is
/// none; 1 for the others. \param inputs  largest magnitude by channel \param varianceWeight  see
/// largestKept() \source CBQ, Ding et al. 2023, arXiv:2312.07950; methods A, A27
std::vector<float> outlierScale(std::span<const float> inputs, double varianceWeight);

} // namespace qs
