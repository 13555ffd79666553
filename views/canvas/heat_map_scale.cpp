#include "views/canvas/heat_map_scale.h"

#include <cmath>
#include <limits>

namespace qs::views {

namespace {

/// Values below this share of hi are drawn linearly on the signed logarithmic scale.
constexpr double kLinearShare = 1e-3;

double niceStep(double span, int about) {
    const double raw = span / std::max(about, 1);
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    for (double factor : {1.0, 2.0, 5.0})
        if (raw <= factor * power * (1 + 1e-9))
            return factor * power;
    return 10 * power;
}

/// Powers of ten in [lo, hi], thinned to about the wanted number; a narrow range gets round values instead.
std::vector<double> logTicks(double lo, double hi, int about) {
    const int first = static_cast<int>(std::ceil(std::log10(lo) - 1e-9));
    const int last = static_cast<int>(std::floor(std::log10(hi) + 1e-9));
    if (last - first < 1)
        return niceTicks(lo, hi, about);
    const int step = std::max(1, (last - first + about - 1) / std::max(about, 1));
    std::vector<double> ticks;
    for (int power = last; power >= first; power -= step)
        ticks.insert(ticks.begin(), std::pow(10.0, power));
    return ticks;
}

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
    case Kind::SignedLog: {
        if (!(hi > 0))
            return 0.5;
        const double share = std::log1p(std::abs(value) / (hi * kLinearShare)) / std::log1p(1 / kLinearShare);
        return clamp01(0.5 + std::copysign(0.5 * share, value));
    }
    }
    return 0;
}

std::vector<double> HeatMapScale::ticks(int about) const {
    switch (kind) {
    case Kind::Linear:
        return niceTicks(lo, hi, about);
    case Kind::Log:
        return logTicks(lo, hi, about);
    case Kind::SignedLinear:
        return niceTicks(-hi, hi, about);
    case Kind::SignedLog:
        break;
    }
    if (!(hi > 0))
        return {0};
    const std::vector<double> positive = logTicks(hi * 10 * kLinearShare, hi, std::max(1, (about - 1) / 2));
    std::vector<double> ticks;
    for (auto tick = positive.rbegin(); tick != positive.rend(); ++tick)
        ticks.push_back(-*tick);
    ticks.push_back(0);
    ticks.insert(ticks.end(), positive.begin(), positive.end());
    return ticks;
}

std::vector<double> niceTicks(double lo, double hi, int about) {
    if (!(hi > lo) || !std::isfinite(hi - lo))
        return {lo};
    const double step = niceStep(hi - lo, about);
    std::vector<double> ticks;
    const auto first = static_cast<std::int64_t>(std::ceil(lo / step - 1e-9));
    for (std::int64_t i = first; static_cast<double>(i) * step <= hi + 1e-9 * step; ++i)
        ticks.push_back(static_cast<double>(i) * step);
    return ticks;
}

std::vector<std::int64_t> indexTicks(double first, double last, int about) {
    const double step = std::max(1.0, niceStep(std::max(last - first, 1.0), about));
    std::vector<std::int64_t> ticks;
    for (double tick = std::ceil(first / step - 1e-9) * step; tick < last; tick += step)
        ticks.push_back(std::llround(tick));
    return ticks;
}

} // namespace qs::views
