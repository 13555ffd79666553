#include "views/canvas/heat_map_stats.h"

#include "core/base/parallel.h"
#include "core/base/random.h"

#include <atomic>
#include <limits>

namespace qs::views {

namespace {

constexpr std::int64_t kQuantileSample = 1 << 18;
constexpr std::int64_t kValuesPerBlock = 1 << 18;

struct Extremes {
    float lowest = std::numeric_limits<float>::max(), highest = std::numeric_limits<float>::lowest();
    std::int64_t nonFinite = 0;

    void add(std::span<const float> values) {
        for (const float value : values) {
            if (!std::isfinite(value)) {
                ++nonFinite;
                continue;
            }
            lowest = std::min(lowest, value);
            highest = std::max(highest, value);
        }
    }
    void add(const Extremes &part) {
        lowest = std::min(lowest, part.lowest);
        highest = std::max(highest, part.highest);
        nonFinite += part.nonFinite;
    }
};

/// One random index of each of kQuantileSample equal parts of [0, total): even, and blind to periods in the
/// data.
std::vector<std::int64_t> sampledIndices(std::int64_t total) {
    const double stride = std::max(1.0, static_cast<double>(total) / kQuantileSample);
    std::vector<std::int64_t> indices;
    Random random(1);
    std::int64_t next = 0;
    for (double part = 0; next < total; part += stride) {
        const auto index = static_cast<std::int64_t>(part + (stride > 1 ? random.uniform() * stride : 0));
        next = std::max(next, index);
        if (next < total)
            indices.push_back(next++);
    }
    return indices;
}

/// Rows of any length. `read` fills a span with values of a row from a column on.
struct Rows {
    std::int64_t count = 0;
    std::function<std::int64_t(std::int64_t row)> length;
    std::function<void(std::int64_t row, std::int64_t col, std::span<float>)> read;
};

Result<Extremes> extremesOf(const Rows &rows, std::int64_t total, const RunContext &ctx) {
    const std::int64_t grain = std::max<std::int64_t>(
        1, kValuesPerBlock * std::max<std::int64_t>(1, rows.count) / std::max<std::int64_t>(1, total));
    std::vector<Extremes> parts(static_cast<std::size_t>((rows.count + grain - 1) / grain));
    std::atomic<std::int64_t> done{0};
    QS_CHECK_OK(parallelFor(rows.count, grain, ctx, [&](std::int64_t begin, std::int64_t end) {
        std::vector<float> values;
        for (std::int64_t row = begin; row < end; ++row) {
            values.resize(static_cast<std::size_t>(rows.length(row)));
            rows.read(row, 0, values);
            parts[static_cast<std::size_t>(begin / grain)].add(values);
        }
        ctx.step(done += end - begin, rows.count, "finding the range");
    }));
    Extremes all;
    for (const Extremes &part : parts)
        all.add(part);
    return all;
}

Result<HeatMapStats> statsOfRows(const Rows &rows, const RunContext &ctx) {
    std::int64_t total = 0;
    for (std::int64_t row = 0; row < rows.count; ++row)
        total += rows.length(row);
    QS_TRY(const Extremes extremes, extremesOf(rows, total, ctx));
    HeatMapStats stats;
    stats.nonFinite = extremes.nonFinite;
    stats.count = total - extremes.nonFinite;
    if (stats.count > 0) {
        stats.lowest = extremes.lowest;
        stats.highest = extremes.highest;
    }
    std::int64_t row = 0, before = 0; // the values of earlier rows
    for (const std::int64_t index : sampledIndices(total)) {
        for (; index >= before + rows.length(row); ++row)
            before += rows.length(row);
        float value;
        rows.read(row, index - before, {&value, 1});
        if (std::isfinite(value))
            stats.sorted.push_back(value);
    }
    if (ctx.cancelled())
        return RunContext::cancelledError();
    std::sort(stats.sorted.begin(), stats.sorted.end());
    stats.sortedMagnitudes = stats.sorted;
    for (float &value : stats.sortedMagnitudes)
        value = std::abs(value);
    std::sort(stats.sortedMagnitudes.begin(), stats.sortedMagnitudes.end());
    return stats;
}

float sortedQuantile(const std::vector<float> &sorted, double p) {
    if (sorted.empty())
        return 0;
    const double position = std::clamp(p, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(std::llround(position))];
}

std::vector<float> merged(const std::vector<float> &a, const std::vector<float> &b) {
    std::vector<float> both(a.size() + b.size());
    std::merge(a.begin(), a.end(), b.begin(), b.end(), both.begin());
    return both;
}

} // namespace

float HeatMapStats::quantile(double p) const {
    return sortedQuantile(sorted, p);
}

float HeatMapStats::magnitudeQuantile(double p) const {
    return sortedQuantile(sortedMagnitudes, p);
}

float HeatMapStats::largestMagnitude() const {
    return std::max(std::abs(lowest), std::abs(highest));
}

HeatMapStats HeatMapStats::joinedWith(const HeatMapStats &other) const {
    if (count == 0 || other.count == 0) {
        HeatMapStats stats = count == 0 ? other : *this;
        stats.nonFinite = nonFinite + other.nonFinite;
        return stats;
    }
    return {count + other.count,
            nonFinite + other.nonFinite,
            std::min(lowest, other.lowest),
            std::max(highest, other.highest),
            merged(sorted, other.sorted),
            merged(sortedMagnitudes, other.sortedMagnitudes)};
}

Result<HeatMapStats> statsOf(const MatrixSource &values, const RunContext &ctx) {
    return statsOfRows(
        {values.rows(), [&](std::int64_t) { return values.cols(); },
         [&](std::int64_t row, std::int64_t col, std::span<float> dst) { values.read(row, col, dst); }},
        ctx);
}

Result<HeatMapStats> statsOf(const std::vector<std::vector<float>> &rows, const RunContext &ctx) {
    const auto row = [&](std::int64_t index) -> const std::vector<float> & {
        return rows[static_cast<std::size_t>(index)];
    };
    return statsOfRows({static_cast<std::int64_t>(rows.size()),
                        [&](std::int64_t index) { return static_cast<std::int64_t>(row(index).size()); },
                        [&](std::int64_t index, std::int64_t col, std::span<float> dst) {
                            std::copy_n(row(index).begin() + col, dst.size(), dst.begin());
                        }},
                       ctx);
}

} // namespace qs::views
