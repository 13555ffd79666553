#pragma once

#include <string>

namespace qs {

/// States the resolution in a PNG file, which the graphics library cannot.
/// \param png  the bytes of a complete file
void setPngResolution(std::string &png, double dotsPerInch);

} // namespace qs
