#include "core/metrics/error_metrics.h"

#include "core/base/check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace qs {
namespace {

/// Independent partial sums, fixed so that the result does not depend on the width of the machine's vectors.
constexpr std::size_t kLanes = 8;

double total(const std::array<double, kLanes> &lanes) {
    double sum = 0;
    for (double lane : lanes)
        sum += lane;
    return sum;
}

} // namespace

namespace {

/// Both without the elements that are the same infinity.
std::pair<std::vector<float>, std::vector<float>> withoutEqualInfinities(std::span<const float> reference,
                                                                         std::span<const float> other) {
    std::pair<std::vector<float>, std::vector<float>> kept;
    for (std::size_t i = 0; i < reference.size(); ++i)
        if (!std::isinf(reference[i]) || reference[i] != other[i]) {
            kept.first.push_back(reference[i]);
            kept.second.push_back(other[i]);
        }
    return kept;
}

} // namespace

void ErrorMetrics::add(std::span<const float> reference, std::span<const float> other) {
    QS_CHECK(reference.size() == other.size(), "both must have the same elements");
    std::array<double, kLanes> errors{}, squares{}, otherSquares{}, products{}, largest{};
    auto addLane = [&](std::size_t lane, double x, double y) {
        const double error = std::fabs(y - x);
        errors[lane] += error * error;
        squares[lane] += x * x;
        otherSquares[lane] += y * y;
        products[lane] += x * y;
        largest[lane] = error > largest[lane] ? error : largest[lane];
    };
    std::size_t i = 0;
    for (; i + kLanes <= reference.size(); i += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane)
            addLane(lane, reference[i + lane], other[i + lane]);
    for (std::size_t lane = 0; i + lane < reference.size(); ++lane)
        addLane(lane, reference[i + lane], other[i + lane]);

    ErrorMetrics part;
    part.count = static_cast<std::int64_t>(reference.size());
    part.sumSquaredError = total(errors);
    if (std::isnan(part.sumSquaredError)) // of masked logits, for example: infinity minus infinity
        if (const auto [x, y] = withoutEqualInfinities(reference, other); x.size() < reference.size())
            return add(x, y);
    part.sumSquares = total(squares);
    part.sumSquaresOther = total(otherSquares);
    part.sumProducts = total(products);
    part.maxAbsError = *std::max_element(largest.begin(), largest.end());
    merge(part);
}

void ErrorMetrics::merge(const ErrorMetrics &part) {
    count += part.count;
    sumSquaredError += part.sumSquaredError;
    sumSquares += part.sumSquares;
    sumSquaresOther += part.sumSquaresOther;
    sumProducts += part.sumProducts;
    maxAbsError = std::max(maxAbsError, part.maxAbsError);
    // Comparisons skip NaN; sums do not.
    if (std::isnan(sumSquaredError))
        maxAbsError = std::numeric_limits<double>::quiet_NaN();
}

double ErrorMetrics::mse() const {
    return count > 0 ? sumSquaredError / static_cast<double>(count) : 0;
}

double ErrorMetrics::sqnrDb() const {
    if (sumSquaredError == 0)
        return kMaxSqnrDb;
    return std::min(10 * std::log10(sumSquares / sumSquaredError), kMaxSqnrDb); // in this order NaN stays NaN
}

double ErrorMetrics::cosine() const {
    if (sumSquares == 0 && sumSquaresOther == 0)
        return 1;
    if (sumSquares == 0 || sumSquaresOther == 0)
        return 0;
    return std::clamp(sumProducts / (std::sqrt(sumSquares) * std::sqrt(sumSquaresOther)), -1.0, 1.0);
}

double ErrorMetrics::relative() const {
    if (sumSquaredError == 0)
        return 0;
    return sumSquares == 0 ? std::numeric_limits<double>::infinity() : sumSquaredError / sumSquares;
}

} // namespace qs
