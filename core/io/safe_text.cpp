#include "core/io/safe_text.h"

#include "core/base/content_hash.h"

namespace qs {
namespace {

constexpr std::size_t kMaxBytes = 512;

/// Length of the valid, printable UTF-8 sequence at the start of `text`; 0 when there is none.
std::size_t sequenceLength(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return lead >= 0x20 && lead != 0x7f ? 1 : 0;
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
        return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80)
            return 0;
    // The second byte excludes overlong forms, surrogates and what lies beyond U+10FFFF; C1 controls go too.
    const unsigned char second = byte(1);
    const bool outside = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                         (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f) ||
                         (lead == 0xc2 && second < 0xa0);
    return outside ? 0 : length;
}

} // namespace

std::string safeName(std::string_view name) {
    std::string safe;
    bool changed = name.size() > kMaxBytes;
    for (std::size_t i = 0; i < name.size();) {
        const std::size_t length = sequenceLength(name.substr(i));
        changed = changed || length == 0;
        if (safe.size() < kMaxBytes - 32) // room for the mark
            safe += length ? name.substr(i, length) : std::string_view("?");
        i += std::max<std::size_t>(length, 1);
    }
    if (!changed)
        return std::string(name);
    return safe + "~" + sha256(std::as_bytes(std::span(name))).substr(0, 16);
}

} // namespace qs
