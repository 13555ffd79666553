#include "core/session/project_arrays.h"

#include <algorithm>
#include <fmt/format.h>

namespace qs {
namespace {

template <typename To, typename From>
std::vector<To> converted(std::span<const From> values) {
    return std::vector<To>(values.begin(), values.end());
}

template <typename T>
Tensor vectorTensor(const std::vector<T> &values) {
    return Tensor::fromValues<T>(Shape{static_cast<std::int64_t>(values.size())}, values);
}

/// Codes in the smallest type that holds them all.
Tensor packedCodes(const QuantizedMatrix &matrix) {
    const Shape shape{matrix.rows, matrix.cols};
    const auto [lowest, highest] = std::minmax_element(matrix.codes.begin(), matrix.codes.end());
    const std::span<const std::int16_t> codes(matrix.codes);
    if (codes.empty() || (*lowest >= -128 && *highest <= 127))
        return Tensor::fromValues<std::int8_t>(shape, converted<std::int8_t>(codes));
    if (*lowest >= 0 && *highest <= 255)
        return Tensor::fromValues<std::uint8_t>(shape, converted<std::uint8_t>(codes));
    return Tensor::fromValues<std::int16_t>(shape, codes);
}

Result<std::vector<std::int16_t>> unpackedCodes(const Tensor &codes, const std::string &where) {
    switch (codes.dtype()) {
    case DType::Int8:
        return converted<std::int16_t>(codes.values<std::int8_t>());
    case DType::UInt8:
        return converted<std::int16_t>(codes.values<std::uint8_t>());
    case DType::Int16:
        return converted<std::int16_t>(codes.values<std::int16_t>());
    default:
        return fail(ErrorCode::CorruptFile,
                    fmt::format("holds {}; codes are int8, uint8 or int16", dtypeName(codes.dtype())), where);
    }
}

template <typename T>
Status readVector(const Hdf5File &file, const std::string &path, std::int64_t size, std::vector<T> &values) {
    QS_TRY(const Hdf5File::Dataset info, file.dataset(path));
    if (info.dtype != dtypeOf<T>() || info.shape != Shape{size})
        return fail(ErrorCode::CorruptFile,
                    fmt::format("is {} {}, expected {} [{}]", dtypeName(info.dtype), info.shape.text(),
                                dtypeName(dtypeOf<T>()), size),
                    path);
    QS_TRY(const Tensor tensor, file.read(path));
    const std::span<const T> read = tensor.values<T>();
    values.assign(read.begin(), read.end());
    return {};
}

template <typename T>
Status readAll(const Hdf5File &file, const std::string &path, std::vector<T> &values) {
    QS_TRY(const Hdf5File::Dataset info, file.dataset(path));
    return readVector(file, path, info.shape.rank() == 1 ? info.shape[0] : 0, values);
}

Status writeKept(Hdf5Writer &writer, const std::string &group, const std::vector<KeptWeight> &kept) {
    std::vector<std::int64_t> rows, cols;
    std::vector<float> values;
    for (const KeptWeight &weight : kept) {
        rows.push_back(weight.row);
        cols.push_back(weight.col);
        values.push_back(weight.value);
    }
    QS_CHECK_OK(writer.write(group + "/kept_rows", vectorTensor(rows)));
    QS_CHECK_OK(writer.write(group + "/kept_cols", vectorTensor(cols)));
    return writer.write(group + "/kept_values", vectorTensor(values));
}

/// The caller validates places and order.
Status readKept(const Hdf5File &file, const std::string &group, QuantizedMatrix &matrix) {
    std::vector<float> values;
    std::vector<std::int64_t> rows, cols;
    QS_CHECK_OK(readAll(file, group + "/kept_values", values));
    const auto count = static_cast<std::int64_t>(values.size());
    QS_CHECK_OK(readVector(file, group + "/kept_rows", count, rows));
    QS_CHECK_OK(readVector(file, group + "/kept_cols", count, cols));
    for (std::size_t i = 0; i < values.size(); ++i)
        matrix.kept.push_back({rows[i], cols[i], values[i]});
    return {};
}

Status readSample(const Hdf5File &file, const std::string &path, LayerCapture &capture) {
    QS_TRY(capture.sample, file.read(path));
    const Shape &shape = capture.sample.shape();
    if (capture.sample.dtype() != DType::Float32 || shape.rank() != 2 || shape[1] != capture.channels)
        return fail(ErrorCode::CorruptFile,
                    fmt::format("is {} {}, expected float32 with {} channels",
                                dtypeName(capture.sample.dtype()), shape.text(), capture.channels),
                    path);
    return {};
}

Status readHistogram(const Hdf5File &file, const std::string &path, Histogram &histogram) {
    QS_TRY(const Tensor counts, file.read(path));
    constexpr std::int64_t kMostBins = 1 << 20;
    if (counts.dtype() != DType::Int64 || counts.shape().rank() != 1 || counts.numel() < 1 ||
        counts.numel() > kMostBins ||
        std::ranges::any_of(counts.values<std::int64_t>(), [](std::int64_t count) { return count < 0; }))
        return fail(ErrorCode::CorruptFile, "does not hold counts of a histogram (int64, none negative)",
                    path);
    histogram = Histogram::fromCounts(histogram.lo(), histogram.hi(),
                                      converted<std::int64_t>(counts.values<std::int64_t>()));
    return {};
}

} // namespace

Status writeMatrix(Hdf5Writer &writer, const std::string &group, const QuantizedMatrix &matrix) {
    QS_CHECK_OK(writer.write(group + "/codes", packedCodes(matrix)));
    QS_CHECK_OK(writer.write(group + "/scales", vectorTensor(matrix.scales)));
    QS_CHECK_OK(writer.write(group + "/zero_points", vectorTensor(matrix.zeroPoints)));
    if (!matrix.groupOfColumn.empty())
        QS_CHECK_OK(writer.write(group + "/group_of_column", vectorTensor(matrix.groupOfColumn)));
    if (!matrix.realZeroPoints.empty())
        QS_CHECK_OK(writer.write(group + "/real_zero_points", vectorTensor(matrix.realZeroPoints)));
    if (!matrix.levels.empty())
        QS_CHECK_OK(writer.write(group + "/levels", vectorTensor(matrix.levels)));
    if (matrix.branch) {
        QS_CHECK_OK(writer.write(group + "/branch_down", matrix.branch->down));
        QS_CHECK_OK(writer.write(group + "/branch_up", matrix.branch->up));
    }
    return matrix.kept.empty() ? Status{} : writeKept(writer, group, matrix.kept);
}

Status readMatrix(const Hdf5File &file, const std::string &group, QuantizedMatrix &matrix) {
    QS_TRY(const Hdf5File::Dataset codes, file.dataset(group + "/codes"));
    if (codes.shape != Shape{matrix.rows, matrix.cols})
        return fail(ErrorCode::CorruptFile,
                    fmt::format("is {}, expected [{}, {}]", codes.shape.text(), matrix.rows, matrix.cols),
                    group + "/codes");
    QS_TRY(const Tensor packed, file.read(group + "/codes"));
    QS_TRY(matrix.codes, unpackedCodes(packed, group + "/codes"));
    if (matrix.layout.granularity == Granularity::PerGroup && matrix.layout.groupSize < 1)
        return fail(ErrorCode::CorruptFile, "group size is 0", group);
    QS_CHECK_OK(readVector(file, group + "/scales", matrix.layout.slices(), matrix.scales));
    QS_CHECK_OK(readVector(file, group + "/zero_points", matrix.layout.slices(), matrix.zeroPoints));
    if (file.hasDataset(group + "/group_of_column"))
        QS_CHECK_OK(readVector(file, group + "/group_of_column", matrix.cols, matrix.groupOfColumn));
    if (file.hasDataset(group + "/real_zero_points"))
        QS_CHECK_OK(
            readVector(file, group + "/real_zero_points", matrix.layout.slices(), matrix.realZeroPoints));
    if (file.hasDataset(group + "/levels"))
        QS_CHECK_OK(readAll(file, group + "/levels", matrix.levels));
    if (file.hasDataset(group + "/branch_down")) {
        matrix.branch.emplace();
        QS_TRY(matrix.branch->down, file.read(group + "/branch_down"));
        QS_TRY(matrix.branch->up, file.read(group + "/branch_up"));
    }
    return file.hasDataset(group + "/kept_values") ? readKept(file, group, matrix) : Status{};
}

Status writeLayerCapture(Hdf5Writer &writer, const std::string &group, const LayerCapture &capture) {
    QS_CHECK_OK(writer.write(group + "/histogram", vectorTensor(capture.histogram.counts())));
    QS_CHECK_OK(writer.write(group + "/channel_min", vectorTensor(capture.channelMin)));
    QS_CHECK_OK(writer.write(group + "/channel_max", vectorTensor(capture.channelMax)));
    QS_CHECK_OK(writer.write(group + "/channel_sum", vectorTensor(capture.channelSum)));
    QS_CHECK_OK(
        writer.write(group + "/channel_sum_of_magnitudes", vectorTensor(capture.channelSumOfMagnitudes)));
    QS_CHECK_OK(writer.write(group + "/channel_sum_of_squares", vectorTensor(capture.channelSumOfSquares)));
    return writer.write(group + "/sample", capture.sample);
}

Status readLayerCapture(const Hdf5File &file, const std::string &group, LayerCapture &capture) {
    QS_CHECK_OK(readHistogram(file, group + "/histogram", capture.histogram));
    QS_CHECK_OK(readVector(file, group + "/channel_min", capture.channels, capture.channelMin));
    QS_CHECK_OK(readVector(file, group + "/channel_max", capture.channels, capture.channelMax));
    QS_CHECK_OK(
        readVector(file, group + "/channel_sum_of_squares", capture.channels, capture.channelSumOfSquares));
    if (file.hasDataset(group + "/channel_sum")) { // not in projects of version 0.1.0
        QS_CHECK_OK(readVector(file, group + "/channel_sum", capture.channels, capture.channelSum));
        QS_CHECK_OK(readVector(file, group + "/channel_sum_of_magnitudes", capture.channels,
                               capture.channelSumOfMagnitudes));
    }
    return readSample(file, group + "/sample", capture);
}

std::int64_t storedBytes(const LayerCapture &capture) {
    return static_cast<std::int64_t>(capture.sample.sizeBytes()) + 16 * capture.channels +
           8 * capture.histogram.bins();
}

} // namespace qs
