#pragma once

#include "plugins/transform/site.h"

namespace qs {

/// s_i = sqrt(r1_i r2_i) / r2_i, with r1 the range of what produces channel i and r2 that of the weights that
/// read it: both become sqrt(r1 r2). Channels whose range is 0 on either side keep 1; the rest is clipped to
/// [1e-8, 1e8].
///
/// \param producer   [channels, cols]: the weight that produces the channels
/// \param symmetric  range = largest magnitude, else maximum - minimum
/// \source Nagel et al. 2019, arXiv:1906.04721, eq. 11; methods A, A31
std::vector<float> equalizationScale(const SiteData &site, MatrixView<const float> producer, bool symmetric);

} // namespace qs
