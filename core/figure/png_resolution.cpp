#include "core/figure/png_resolution.h"

#include <cmath>
#include <cstdint>
#include <string_view>

namespace qs {
namespace {

void appendBigEndian(std::string &bytes, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes.push_back(static_cast<char>(value >> shift));
}

/// The checksum of PNG chunks. \source RFC 2083, section 15
std::uint32_t crc32(std::string_view bytes) {
    std::uint32_t crc = 0xFFFFFFFFu;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ (0xEDB88320u & (0 - (crc & 1)));
    }
    return ~crc;
}

} // namespace

void setPngResolution(std::string &png, double dotsPerInch) {
    constexpr std::size_t kHeaderEnd = 8 + 25; // signature and IHDR
    const auto perMetre = static_cast<std::uint32_t>(std::lround(dotsPerInch / 0.0254));
    std::string chunk;
    appendBigEndian(chunk, 9); // bytes of data
    chunk += "pHYs";
    appendBigEndian(chunk, perMetre);
    appendBigEndian(chunk, perMetre);
    chunk.push_back(1); // the unit is the metre
    appendBigEndian(chunk, crc32(std::string_view(chunk).substr(4)));
    png.insert(kHeaderEnd, chunk);
}

} // namespace qs
