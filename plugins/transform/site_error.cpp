#include "plugins/transform/site_error.h"

#include "plugins/support/run_blocks.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

namespace qs {
namespace {

using RowMajorF = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using RowMajorD = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Eigen::Index;

/// Rows or tokens of one product; results are added up block by block.
constexpr std::int64_t kBlockRows = 32;

/// Adds up body(begin, end) over blocks, in order.
Result<double> sumOfBlocks(std::int64_t rows, const TransformServices &services,
                           const std::function<double(std::int64_t begin, std::int64_t end)> &body) {
    std::vector<double> sums(static_cast<std::size_t>((rows + kBlockRows - 1) / kBlockRows), 0.0);
    QS_CHECK_OK(runBlocks(rows, kBlockRows, services, [&](std::int64_t begin, std::int64_t end) {
        sums[static_cast<std::size_t>(begin / kBlockRows)] = body(begin, end);
    }));
    double sum = 0;
    for (double part : sums)
        sum += part;
    return sum;
}

std::vector<float> quantizedWeights(const SiteData &site, std::size_t reader, std::span<const float> scale,
                                    const TransformServices &services) {
    std::vector<float> weights = scaledWeights(site.readers[reader], scale);
    if (site.readers[reader].bits == 0)
        return weights;
    std::vector<float> dequantized(weights.size());
    services.quantize(reader, weights, dequantized);
    return dequantized;
}

/// Σ over rows of e H eᵀ of one reader.
Result<double> hessianError(const SiteData &site, const SiteReader &reader, const std::vector<float> &rounded,
                            std::span<const float> scale, const TransformServices &services) {
    const Eigen::Map<const RowMajorD> hessian(site.hessian.data, site.channels, site.channels);
    return sumOfBlocks(reader.weights.rows, services, [&](std::int64_t begin, std::int64_t end) {
        RowMajorD error(end - begin, site.channels);
        for (std::int64_t row = begin; row < end; ++row)
            for (std::int64_t channel = 0; channel < site.channels; ++channel)
                error(row - begin, channel) =
                    static_cast<double>(rounded[static_cast<std::size_t>(row * site.channels + channel)]) /
                        scale[static_cast<std::size_t>(channel)] -
                    reader.weights(row, channel);
        return (error * hessian).cwiseProduct(error).sum();
    });
}

std::int64_t totalRows(const SiteData &site) {
    std::int64_t rows = 0;
    for (const SiteReader &reader : site.readers)
        rows += reader.weights.rows;
    return rows;
}

/// The grid of x' = (x − shift) / scale over the range that calibration saw.
ScaleZero changedGrid(const SiteData &site, const ChannelChange &change, int bits) {
    double lo = 0, hi = 0;
    for (std::size_t channel = 0; channel < change.scale.size(); ++channel) {
        lo = std::min(lo, (static_cast<double>(site.minimum[channel]) - change.shift[channel]) /
                              change.scale[channel]);
        hi = std::max(hi, (static_cast<double>(site.maximum[channel]) - change.shift[channel]) /
                              change.scale[channel]);
    }
    return gridForRange(lo, hi, bits, site.activationConvention);
}

/// Σ over tokens [begin, end) of the squared output error of one reader.
double tokenError(const SiteData &site, const SiteReader &reader, const std::vector<float> &rounded,
                  const ChannelChange &change, std::int64_t begin, std::int64_t end) {
    const bool quantized = reader.activationBits > 0;
    const ScaleZero grid = quantized ? changedGrid(site, change, reader.activationBits) : ScaleZero{};
    const CodeRange range =
        quantized ? codeRange(reader.activationBits, site.activationConvention) : CodeRange{};
    RowMajorF centred(end - begin, site.channels);
    RowMajorF seen(end - begin, site.channels);
    for (std::int64_t token = begin; token < end; ++token)
        for (std::int64_t channel = 0; channel < site.channels; ++channel) {
            const auto at = static_cast<std::size_t>(channel);
            const float value = site.inputs(token, channel) - change.shift[at];
            const float changed = value / change.scale[at];
            centred(token - begin, channel) = value;
            seen(token - begin, channel) =
                quantized ? dequantizeValue(quantizeValue(changed, grid, range, RoundingMode::HalfEven), grid)
                          : changed;
        }
    const Eigen::Map<const RowMajorF> exact(reader.weights.data, reader.weights.rows, site.channels);
    const Eigen::Map<const RowMajorF> approximate(rounded.data(), reader.weights.rows, site.channels);
    RowMajorF difference = centred * exact.transpose();
    difference.noalias() -= seen * approximate.transpose();
    return difference.cast<double>().squaredNorm();
}

} // namespace

Result<double> weightOutputError(const SiteData &site, std::span<const float> scale,
                                 const TransformServices &services) {
    double sum = 0;
    for (std::size_t index = 0; index < site.readers.size(); ++index) {
        if (site.readers[index].bits == 0)
            continue;
        const std::vector<float> rounded = quantizedWeights(site, index, scale, services);
        QS_TRY(const double error, hessianError(site, site.readers[index], rounded, scale, services));
        sum += error;
    }
    return sum / (2.0 * static_cast<double>(totalRows(site)));
}

Result<double> siteOutputError(const SiteData &site, const ChannelChange &change,
                               const TransformServices &services) {
    double sum = 0;
    for (std::size_t index = 0; index < site.readers.size(); ++index) {
        const SiteReader &reader = site.readers[index];
        const std::vector<float> rounded = quantizedWeights(site, index, change.scale, services);
        QS_TRY(const double error,
               sumOfBlocks(site.inputs.rows, services, [&](std::int64_t begin, std::int64_t end) {
                   return tokenError(site, reader, rounded, change, begin, end);
               }));
        sum += error;
    }
    return sum / (static_cast<double>(site.inputs.rows) * static_cast<double>(totalRows(site)));
}

Result<ChangeSearch> searchChange(std::int64_t channels, std::span<const double> ratios,
                                  const std::function<ChannelChange(double)> &change,
                                  const std::function<Result<double>(const ChannelChange &)> &error,
                                  const TransformServices &services) {
    ChangeSearch best{{}, ChannelChange::none(channels), 0, 0};
    QS_TRY(best.unchangedError, error(best.change));
    best.error = best.unchangedError;
    for (std::size_t index = 0; index < ratios.size(); ++index) {
        services.progress(static_cast<std::int64_t>(index), static_cast<std::int64_t>(ratios.size()),
                          "trying ratios");
        ChannelChange candidate = change(ratios[index]);
        QS_TRY(const double candidateError, error(candidate));
        if (candidateError < best.error) {
            best.ratio = ratios[index];
            best.change = std::move(candidate);
            best.error = candidateError;
        }
    }
    return best;
}

} // namespace qs
