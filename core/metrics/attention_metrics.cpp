#include "core/metrics/attention_metrics.h"

#include "core/base/parallel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace qs {
namespace {

constexpr std::int64_t kRowsPerBlock = 128;

enum class RowKind { Live, Empty, NonFinite };

RowKind kindOf(std::span<const float> row) {
    // A sum is not finite when an entry is not: probabilities are too small to overflow.
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    return !std::isfinite(sum) ? RowKind::NonFinite : sum == 0 ? RowKind::Empty : RowKind::Live;
}

/// Where a query stands among the keys, and how many keys it can see.
struct Positions {
    std::int64_t queries, keys;
    bool causal;

    std::int64_t offset() const { return causal ? keys - queries : 0; }
    std::int64_t of(std::int64_t query) const { return query + offset(); }
    std::int64_t visible(std::int64_t query) const {
        return causal ? std::clamp<std::int64_t>(of(query) + 1, 0, keys) : keys;
    }
    bool haveDistance() const { return causal || queries == keys; }
};

double rowEntropy(std::span<const float> row) {
    double sum = 0;
    for (const float p : row)
        if (p > 0)
            sum -= static_cast<double>(p) * static_cast<double>(std::log(p));
    return sum;
}

/// Sums over a block of rows; blocks are joined in order.
struct HeadSums {
    std::int64_t rows = 0, nonFinite = 0, empty = 0, firstBad = -1;
    std::int64_t normalizedRows = 0, sinkRows = 0;
    double entropy = 0, normalized = 0, sink = 0, highest = 0;
    std::vector<double> columns, distances;
    std::vector<std::int64_t> seenFrom; ///< [keys + 1] changes in how many live rows see a key

    explicit HeadSums(const Positions &positions)
        : columns(static_cast<std::size_t>(positions.keys)),
          distances(positions.haveDistance() ? static_cast<std::size_t>(positions.keys) : 0),
          seenFrom(static_cast<std::size_t>(positions.keys) + 1) {}

    void addBad(RowKind kind, std::int64_t query) {
        ++(kind == RowKind::NonFinite ? nonFinite : empty);
        if (firstBad < 0)
            firstBad = query;
    }

    void add(std::span<const float> row, std::int64_t query, const Positions &positions) {
        const std::int64_t visible = positions.visible(query);
        const double own = rowEntropy(row);
        ++rows;
        entropy += own;
        highest = std::max(highest, static_cast<double>(*std::max_element(row.begin(), row.end())));
        if (visible > 1) {
            ++normalizedRows;
            normalized += own / std::log(static_cast<double>(visible));
            ++sinkRows;
            sink += static_cast<double>(row[0]);
        }
        for (std::size_t key = 0; key < row.size(); ++key)
            columns[key] += static_cast<double>(row[key]);
        for (std::size_t key = 0; key < distances.size(); ++key) {
            const auto far = std::abs(positions.of(query) - static_cast<std::int64_t>(key));
            distances[static_cast<std::size_t>(std::min(far, positions.keys - 1))] +=
                static_cast<double>(row[key]);
        }
        ++seenFrom[0];
        --seenFrom[static_cast<std::size_t>(visible)];
    }

    void merge(const HeadSums &part) {
        rows += part.rows;
        nonFinite += part.nonFinite;
        empty += part.empty;
        firstBad = firstBad < 0 ? part.firstBad : firstBad;
        normalizedRows += part.normalizedRows;
        sinkRows += part.sinkRows;
        entropy += part.entropy;
        normalized += part.normalized;
        sink += part.sink;
        highest = std::max(highest, part.highest);
        const auto addAll = [](auto &into, const auto &from) {
            for (std::size_t i = 0; i < into.size(); ++i)
                into[i] += from[i];
        };
        addAll(columns, part.columns);
        addAll(distances, part.distances);
        addAll(seenFrom, part.seenFrom);
    }
};

/// Runs `add(part, row)` over blocks of rows and joins the parts in order.
template <typename Sums, typename Add>
Result<Sums> sumOverRows(std::int64_t rows, const Sums &zero, const RunContext &ctx, const Add &add) {
    const std::int64_t blocks = (rows + kRowsPerBlock - 1) / kRowsPerBlock;
    std::vector<Sums> parts(static_cast<std::size_t>(blocks), zero);
    QS_CHECK_OK(parallelFor(rows, kRowsPerBlock, ctx, [&](std::int64_t begin, std::int64_t end) {
        Sums &part = parts[static_cast<std::size_t>(begin / kRowsPerBlock)];
        for (std::int64_t row = begin; row < end; ++row)
            add(part, row);
    }));
    Sums total = zero;
    for (const Sums &part : parts)
        total.merge(part);
    return total;
}

void describeKeys(AttentionHeadMetrics &metrics, const HeadSums &sums) {
    metrics.accumulated = sums.columns;
    metrics.saliency.resize(sums.columns.size());
    std::int64_t seers = 0;
    for (std::size_t key = 0; key < sums.columns.size(); ++key) {
        seers += sums.seenFrom[key];
        metrics.saliency[key] = seers > 0 ? sums.columns[key] / static_cast<double>(seers) : 0.0;
    }
    if (sums.rows == 0)
        return;
    const auto strongest = std::max_element(sums.columns.begin(), sums.columns.end());
    metrics.strongestKey = strongest - sums.columns.begin();
    metrics.strongestShare = *strongest / static_cast<double>(sums.rows);
}

void describeDistance(AttentionHeadMetrics &metrics, HeadSums &sums) {
    const double total = std::accumulate(sums.distances.begin(), sums.distances.end(), 0.0);
    if (total <= 0)
        return;
    double mean = 0;
    for (std::size_t d = 0; d < sums.distances.size(); ++d) {
        sums.distances[d] /= total;
        mean += sums.distances[d] * static_cast<double>(d);
    }
    metrics.distance = std::move(sums.distances);
    metrics.meanDistance = mean;
}

/// Indices of the k largest entries, smallest index first among equals; ascending.
void largest(std::span<const float> row, std::int64_t k, std::vector<std::int64_t> &indices) {
    indices.resize(row.size());
    std::iota(indices.begin(), indices.end(), std::int64_t{0});
    std::partial_sort(
        indices.begin(), indices.begin() + k, indices.end(), [&](std::int64_t a, std::int64_t b) {
            const float x = row[static_cast<std::size_t>(a)], y = row[static_cast<std::size_t>(b)];
            return x > y || (x == y && a < b);
        });
    indices.resize(static_cast<std::size_t>(k));
    std::sort(indices.begin(), indices.end());
}

double topKeysKept(std::span<const float> reference, std::span<const float> other) {
    const auto positive = std::count_if(reference.begin(), reference.end(), [](float p) { return p > 0; });
    const std::int64_t k = std::min<std::int64_t>(AttentionAgreement::kTopKeys, positive);
    std::vector<std::int64_t> ours, theirs, both;
    largest(reference, k, ours);
    largest(other, k, theirs);
    std::set_intersection(ours.begin(), ours.end(), theirs.begin(), theirs.end(), std::back_inserter(both));
    return static_cast<double>(both.size()) / static_cast<double>(k);
}

struct AgreementSums {
    std::int64_t rows = 0;
    double absolute = 0, mass = 0, products = 0, squares = 0, otherSquares = 0, largest = 0, kl = 0, kept = 0;

    void add(std::span<const float> reference, std::span<const float> other) {
        constexpr double kFloor = std::numeric_limits<float>::min();
        for (std::size_t i = 0; i < reference.size(); ++i) {
            const auto p = static_cast<double>(reference[i]), q = static_cast<double>(other[i]);
            const double error = std::abs(q - p);
            absolute += error;
            mass += p;
            products += p * q;
            squares += p * p;
            otherSquares += q * q;
            largest = std::max(largest, error);
            if (p > 0)
                kl += p * std::log(p / std::max(q, kFloor));
        }
        kept += topKeysKept(reference, other);
        ++rows;
    }
    void merge(const AgreementSums &part) {
        rows += part.rows;
        absolute += part.absolute;
        mass += part.mass;
        products += part.products;
        squares += part.squares;
        otherSquares += part.otherSquares;
        largest = std::max(largest, part.largest);
        kl += part.kl;
        kept += part.kept;
    }
};

} // namespace

Result<AttentionHeadMetrics> measureAttentionHead(MatrixView<const float> probabilities, bool causal,
                                                  const RunContext &ctx) {
    const Positions positions{probabilities.rows, probabilities.cols, causal};
    QS_TRY(HeadSums sums,
           sumOverRows(probabilities.rows, HeadSums(positions), ctx, [&](HeadSums &part, std::int64_t query) {
               const auto row = probabilities.row(query);
               const RowKind kind = kindOf(row);
               if (kind == RowKind::Live)
                   part.add(row, query, positions);
               else
                   part.addBad(kind, query);
           }));
    AttentionHeadMetrics metrics;
    metrics.queries = positions.queries;
    metrics.keys = positions.keys;
    metrics.causal = causal;
    metrics.rows = sums.rows;
    metrics.nonFiniteRows = sums.nonFinite;
    metrics.emptyRows = sums.empty;
    metrics.firstBadRow = sums.firstBad;
    metrics.highest = sums.highest;
    metrics.entropy = sums.rows > 0 ? sums.entropy / static_cast<double>(sums.rows) : 0.0;
    if (sums.normalizedRows > 0)
        metrics.normalizedEntropy = sums.normalized / static_cast<double>(sums.normalizedRows);
    if (sums.sinkRows > 0)
        metrics.sinkShare = sums.sink / static_cast<double>(sums.sinkRows);
    describeKeys(metrics, sums);
    describeDistance(metrics, sums);
    return metrics;
}

Result<AttentionAgreement> compareAttention(MatrixView<const float> reference, MatrixView<const float> other,
                                            const RunContext &ctx) {
    QS_TRY(const AgreementSums sums,
           sumOverRows(reference.rows, AgreementSums(), ctx, [&](AgreementSums &part, std::int64_t query) {
               const auto ours = reference.row(query), theirs = other.row(query);
               if (kindOf(ours) == RowKind::Live && kindOf(theirs) == RowKind::Live)
                   part.add(ours, theirs);
           }));
    AttentionAgreement agreement;
    agreement.rows = sums.rows;
    if (sums.rows == 0)
        return agreement;
    const auto rows = static_cast<double>(sums.rows);
    agreement.relativeL1 = sums.absolute / sums.mass;
    agreement.cosine = sums.products / std::sqrt(sums.squares * sums.otherSquares);
    agreement.maxAbsError = sums.largest;
    agreement.meanKl = sums.kl / rows;
    agreement.topKeysKept = sums.kept / rows;
    return agreement;
}

bool isCausalMap(MatrixView<const float> probabilities) {
    if (probabilities.cols < 2 || probabilities.rows > probabilities.cols)
        return false;
    const std::int64_t offset = probabilities.cols - probabilities.rows;
    for (std::int64_t query = 0; query < probabilities.rows; ++query) {
        const auto row = probabilities.row(query);
        if (std::any_of(row.begin() + std::min(offset + query + 1, probabilities.cols), row.end(),
                        [](float p) { return p != 0; }))
            return false;
    }
    return true;
}

} // namespace qs
