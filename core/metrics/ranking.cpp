#include "core/metrics/ranking.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace qs {
namespace {

constexpr std::int64_t kRowsPerBlock = 64;

/// Pairs in the same order minus pairs in opposite order, and pairs that are not tied in each score.
struct PairCounts {
    std::int64_t agreement = 0, untiedA = 0, untiedB = 0;
};

int sign(double difference) {
    return (difference > 0) - (difference < 0);
}

std::vector<std::size_t> highest(std::span<const double> scores, std::size_t k) {
    std::vector<std::size_t> indices(scores.size());
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    std::stable_sort(indices.begin(), indices.end(),
                     [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    indices.resize(k);
    std::sort(indices.begin(), indices.end());
    return indices;
}

} // namespace

Result<double> kendallTau(std::span<const double> a, std::span<const double> b, const RunContext &ctx) {
    const auto count = static_cast<std::int64_t>(a.size());
    std::vector<PairCounts> parts(static_cast<std::size_t>((count + kRowsPerBlock - 1) / kRowsPerBlock));
    QS_CHECK_OK(parallelFor(count, kRowsPerBlock, ctx, [&](std::int64_t begin, std::int64_t end) {
        PairCounts &part = parts[static_cast<std::size_t>(begin / kRowsPerBlock)];
        for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
            for (std::size_t j = i + 1; j < a.size(); ++j) {
                const int inA = sign(a[i] - a[j]), inB = sign(b[i] - b[j]);
                part.agreement += inA * inB;
                part.untiedA += inA != 0;
                part.untiedB += inB != 0;
            }
    }));
    PairCounts total;
    for (const PairCounts &part : parts) {
        total.agreement += part.agreement;
        total.untiedA += part.untiedA;
        total.untiedB += part.untiedB;
    }
    if (total.untiedA == 0 || total.untiedB == 0)
        return 0.0;
    return static_cast<double>(total.agreement) /
           std::sqrt(static_cast<double>(total.untiedA) * static_cast<double>(total.untiedB));
}

double topOverlap(std::span<const double> a, std::span<const double> b, std::size_t k) {
    const auto ours = highest(a, k), theirs = highest(b, k);
    std::vector<std::size_t> both;
    std::set_intersection(ours.begin(), ours.end(), theirs.begin(), theirs.end(), std::back_inserter(both));
    return static_cast<double>(both.size()) / static_cast<double>(k);
}

} // namespace qs
