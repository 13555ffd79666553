#include "views/canvas/heat_map_scale.h"

#include <cmath>
#include <limits>

namespace qs::views {

namespace {

/// Values below this share of hi are drawn linearly on the signed logarithmic scale.
constexpr double kLinearShare = 1e-3;

} // namespace

double HeatMapScale::position(double value) const {
    if (!std::isfinite(value))
        return std::numeric_limits<double>::quiet_NaN();
    const auto clamp01 = [](double t) { return t < 0 ? 0 : t > 1 ? 1 : t; };
    switch (kind) {
    case Kind::Linear:
        return hi > lo ? clamp01((value - lo) / (hi - lo)) : 0;
    case Kind::Log:
        if (!(value > lo))
            return 0;
        return hi > lo ? clamp01(std::log(value / lo) / std::log(hi / lo)) : 0;
    case Kind::SignedLinear:
        return hi > 0 ? clamp01(0.5 + 0.5 * value / hi) : 0.5;
    case Kind::Steps:
        return clamp01((value - lo + 0.5) / (hi - lo + 1));
    case Kind::SignedLog: {
        if (!(hi > 0))
            return 0.5;
        const double share = std::log1p(std::abs(value) / (hi * kLinearShare)) / std::log1p(1 / kLinearShare);
        return clamp01(0.5 + std::copysign(0.5 * share, value));
    }
    }
    return 0;
}

std::vector<Tick> HeatMapScale::ticks(int most) const {
    switch (kind) {
    case Kind::Linear:
        return niceTicks({lo, hi, false}, most);
    case Kind::Log:
        return niceTicks({lo, hi, true}, most);
    case Kind::SignedLinear:
        return niceTicks({-hi, hi, false}, most);
    case Kind::Steps: {
        std::vector<Tick> ticks = niceTicks({lo - 0.5, hi + 0.5, false}, std::max(most, 16));
        std::erase_if(ticks, [](const Tick &tick) { return tick.value != std::floor(tick.value); });
        return ticks;
    }
    case Kind::SignedLog:
        break;
    }
    const std::vector<Tick> positive = niceTicks({hi * 10 * kLinearShare, hi, true}, std::max(2, most / 2));
    std::vector<Tick> ticks;
    for (auto tick = positive.rbegin(); tick != positive.rend(); ++tick)
        ticks.push_back({-tick->value, tick->label.empty() ? tick->label : "−" + tick->label});
    ticks.push_back({0, "0"});
    ticks.insert(ticks.end(), positive.begin(), positive.end());
    return ticks;
}

std::vector<std::int64_t> indexTicks(double first, double last, int most) {
    std::vector<std::int64_t> ticks;
    for (const Tick &tick : niceTicks({first, last, false}, most))
        if (tick.value < last && tick.value == std::floor(tick.value))
            ticks.push_back(static_cast<std::int64_t>(tick.value));
    return ticks;
}

} // namespace qs::views
