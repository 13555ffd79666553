#include "core/quant/weight_aspect.h"

#include <array>
#include <fmt/format.h>

namespace qs {
namespace {

constexpr std::array<std::string_view, 4> kNames{"weight", "codes", "dequantized", "error"};

class CodeSource final : public MatrixSource {
public:
    explicit CodeSource(std::shared_ptr<const QuantizedMatrix> matrix)
        : MatrixSource(matrix->rows, matrix->cols), m_matrix(std::move(matrix)) {}
    void read(std::int64_t row, std::int64_t col, std::span<float> dst) const override {
        const std::int16_t *codes = m_matrix->codes.data() + row * m_matrix->cols + col;
        std::copy(codes, codes + dst.size(), dst.begin());
    }

private:
    std::shared_ptr<const QuantizedMatrix> m_matrix;
};

class DequantizedSource final : public MatrixSource {
public:
    explicit DequantizedSource(std::shared_ptr<const QuantizedMatrix> matrix)
        : MatrixSource(matrix->rows, matrix->cols), m_matrix(std::move(matrix)) {
        if (m_matrix->branch)
            m_branch = m_matrix->branch->product();
    }
    void read(std::int64_t row, std::int64_t col, std::span<float> dst) const override {
        m_matrix->dequantizeRow(row, col, dst);
        if (!m_branch.empty()) {
            const float *added = m_branch.values<float>().data() + row * cols() + col;
            for (float &value : dst)
                value += *added++;
        }
    }

private:
    std::shared_ptr<const QuantizedMatrix> m_matrix;
    Tensor m_branch; ///< empty without one
};

class ErrorSource final : public MatrixSource {
public:
    ErrorSource(Tensor weights, std::shared_ptr<const QuantizedMatrix> matrix)
        : MatrixSource(matrix->rows, matrix->cols), m_weights(std::move(weights)),
          m_dequantized(std::move(matrix)) {}
    void read(std::int64_t row, std::int64_t col, std::span<float> dst) const override {
        m_dequantized.read(row, col, dst);
        const float *weight = m_weights.values<float>().data() + row * cols() + col;
        for (float &value : dst)
            value -= *weight++;
    }

private:
    Tensor m_weights;
    DequantizedSource m_dequantized;
};

} // namespace

std::string_view weightAspectName(WeightAspect aspect) {
    return kNames[static_cast<std::size_t>(aspect)];
}

Result<WeightAspect> weightAspectFromName(std::string_view name) {
    for (std::size_t i = 0; i < kNames.size(); ++i)
        if (name == kNames[i])
            return static_cast<WeightAspect>(i);
    return fail(ErrorCode::InvalidArgument,
                fmt::format("'{}' is not to be seen; choose weight, codes, dequantized or error", name));
}

std::shared_ptr<const MatrixSource> aspectSource(WeightAspect aspect, Tensor weights,
                                                 std::shared_ptr<const QuantizedMatrix> matrix) {
    QS_CHECK(aspect == WeightAspect::Weight || matrix, "only the weight is there without quantization");
    switch (aspect) {
    case WeightAspect::Weight:
        break;
    case WeightAspect::Codes:
        return std::make_shared<CodeSource>(std::move(matrix));
    case WeightAspect::Dequantized:
        return std::make_shared<DequantizedSource>(std::move(matrix));
    case WeightAspect::Error:
        return std::make_shared<ErrorSource>(std::move(weights), std::move(matrix));
    }
    return matrixSource(std::move(weights));
}

} // namespace qs
