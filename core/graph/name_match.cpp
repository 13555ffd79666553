#include "core/graph/name_match.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace qs {

NameParts nameParts(std::string_view name) {
    NameParts parts;
    std::string part;
    const auto isNumber = [](const std::string &text) {
        return std::isdigit(static_cast<unsigned char>(text.front())) != 0;
    };
    const auto take = [&] {
        const bool repeats = !part.empty() && !parts.empty() && parts.back() == part && !isNumber(part);
        if (!part.empty() && !repeats)
            parts.push_back(part);
        part.clear();
    };
    for (const char c : name)
        if (c == '/' || c == '.')
            take();
        else
            part += c;
    take();
    return parts;
}

int nameAgreement(const NameParts &a, const NameParts &b) {
    if (a.empty() || b.empty())
        return 0;
    if (a == b)
        return 2;
    const NameParts &longer = a.size() > b.size() ? a : b, &end = a.size() > b.size() ? b : a;
    return std::equal(end.rbegin(), end.rend(), longer.rbegin()) ? 1 : 0;
}

std::string someNames(const std::vector<std::string> &names, std::size_t most) {
    const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), most));
    const std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
    return names.size() > most ? fmt::format("{} and {} more", text, names.size() - most) : text;
}

} // namespace qs
