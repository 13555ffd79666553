#include "core/tensor/matrix_source.h"

#include <cmath>

namespace qs {
namespace {

class ViewSource final : public MatrixSource {
public:
    ViewSource(MatrixView<const float> values, Tensor owner)
        : MatrixSource(values.rows, values.cols), m_values(values), m_owner(std::move(owner)) {}
    void read(std::int64_t row, std::int64_t col, std::span<float> dst) const override {
        const float *src = m_values.data + row * m_values.cols + col;
        std::copy(src, src + dst.size(), dst.begin());
    }

private:
    MatrixView<const float> m_values;
    Tensor m_owner; ///< keeps the values; may be empty
};

class MagnitudeSource final : public MatrixSource {
public:
    explicit MagnitudeSource(std::shared_ptr<const MatrixSource> values)
        : MatrixSource(values->rows(), values->cols()), m_values(std::move(values)) {}
    void read(std::int64_t row, std::int64_t col, std::span<float> dst) const override {
        m_values->read(row, col, dst);
        for (float &value : dst)
            value = std::abs(value);
    }

private:
    std::shared_ptr<const MatrixSource> m_values;
};

} // namespace

std::shared_ptr<const MatrixSource> matrixSource(Tensor values) {
    QS_CHECK(values.dtype() == DType::Float32 && values.shape().rank() == 2, "a float32 matrix");
    const MatrixView<const float> view{values.values<float>().data(), values.shape()[0], values.shape()[1]};
    return std::make_shared<ViewSource>(view, std::move(values));
}

std::shared_ptr<const MatrixSource> matrixSource(MatrixView<const float> values) {
    return std::make_shared<ViewSource>(values, Tensor());
}

std::shared_ptr<const MatrixSource> magnitudeSource(std::shared_ptr<const MatrixSource> values) {
    return std::make_shared<MagnitudeSource>(std::move(values));
}

} // namespace qs
