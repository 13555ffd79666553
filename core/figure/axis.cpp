#include "core/figure/axis.h"

#include "core/base/number_text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace qs {
namespace {

double niceStep(double span, int most) {
    const double rough = span / std::max(1, most - 1);
    const double power = std::pow(10.0, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (factor * power >= rough * (1 - 1e-9))
            return factor * power;
    return 10 * power;
}

std::string superscript(int exponent) {
    static const char *const kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    std::string text = exponent < 0 ? "⁻" : "";
    for (const char digit : std::to_string(std::abs(exponent)))
        text += kDigits[digit - '0'];
    return text;
}

std::string withMinusSign(std::string text) {
    return !text.empty() && text[0] == '-' ? "−" + text.substr(1) : text;
}

std::string tickLabel(double value, double step, double largest) {
    if (largest >= 1e6 || largest < 1e-3) {
        const int exponent = static_cast<int>(std::floor(std::log10(largest) + 1e-9));
        const double power = std::pow(10.0, exponent);
        const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step / power) - 1e-9)), 0, 6);
        return value == 0 ? "0"
                          : withMinusSign(
                                fmt::format("{:.{}f}×10{}", value / power, decimals, superscript(exponent)));
    }
    const int decimals = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 9);
    if (decimals == 0)
        return withMinusSign(withThousands(std::llround(value)));
    return withMinusSign(fmt::format("{:.{}f}", value, decimals));
}

std::vector<Tick> decadeTicks(const AxisScale &scale, int most) {
    const int first = static_cast<int>(std::floor(std::log10(scale.lo) + 1e-9));
    const int last = static_cast<int>(std::ceil(std::log10(scale.hi) - 1e-9));
    const int every = std::max(1, (last - first + most - 1) / most);
    std::vector<Tick> ticks;
    for (int exponent = first; exponent <= last; ++exponent) {
        const double power = std::pow(10.0, exponent);
        if (power >= scale.lo * (1 - 1e-9) && power <= scale.hi * (1 + 1e-9)) {
            const bool plain = exponent >= -2 && exponent <= 3;
            const std::string label = plain ? significant(power) : "10" + superscript(exponent);
            ticks.push_back({power, (exponent - first) % every == 0 ? label : ""});
        }
        for (int digit = 2; digit < 10 && every == 1; ++digit)
            if (digit * power > scale.lo && digit * power < scale.hi)
                ticks.push_back({digit * power, ""});
    }
    return ticks;
}

} // namespace

double AxisScale::position(double value) const {
    if (!logarithmic)
        return (value - lo) / (hi - lo);
    return value <= 0 ? -1 : (std::log10(value) - std::log10(lo)) / (std::log10(hi) - std::log10(lo));
}

std::vector<Tick> niceTicks(const AxisScale &scale, int most) {
    if (scale.lo > scale.hi && !scale.logarithmic)
        return niceTicks({scale.hi, scale.lo, false}, most);
    if (!(scale.hi > scale.lo) || !std::isfinite(scale.lo) || !std::isfinite(scale.hi))
        return {};
    // Within one decade powers of ten say too little.
    if (scale.logarithmic && scale.hi / scale.lo >= 20)
        return decadeTicks(scale, most);
    const double step = niceStep(scale.hi - scale.lo, most);
    const double largest = std::max(std::abs(scale.lo), std::abs(scale.hi));
    std::vector<Tick> ticks;
    const auto first = static_cast<std::int64_t>(std::ceil(scale.lo / step - 1e-9));
    const auto last = static_cast<std::int64_t>(std::floor(scale.hi / step + 1e-9));
    for (std::int64_t i = first; i <= last && i - first < 100; ++i)
        ticks.push_back(
            {static_cast<double>(i) * step, tickLabel(static_cast<double>(i) * step, step, largest)});
    return ticks;
}

AxisScale widenedToTicks(const AxisScale &scale, int most) {
    if (scale.logarithmic)
        return {std::pow(10.0, std::floor(std::log10(scale.lo) + 1e-9)),
                std::pow(10.0, std::ceil(std::log10(scale.hi * (1 + 1e-9)) - 1e-9)), true};
    AxisScale wide = scale;
    if (!(wide.hi > wide.lo)) {
        const double margin = wide.lo == 0 ? 1 : std::abs(wide.lo) / 2;
        wide = {wide.lo - margin, wide.lo + margin, false};
    }
    const double step = niceStep(wide.hi - wide.lo, most);
    return {std::floor(wide.lo / step + 1e-9) * step, std::ceil(wide.hi / step - 1e-9) * step, false};
}

} // namespace qs
