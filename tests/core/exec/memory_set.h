#pragma once

#include "core/io/calibration_set.h"

namespace qs {

/// Samples that live in memory under the input name "x".
class MemorySet final : public CalibrationSet {
public:
    explicit MemorySet(Tensor values) : m_values(std::move(values)) {
        Shape sample = m_values.shape();
        m_inputs = {
            {"x", DType::Float32, Shape(std::vector<std::int64_t>(sample.begin() + 1, sample.end()))}};
    }
    const std::filesystem::path &file() const override { return m_file; }
    const std::string &sha256() const override { return m_hash; }
    const std::vector<Input> &inputs() const override { return m_inputs; }
    std::int64_t samples() const override { return m_values.shape()[0]; }
    bool hasLabels() const override { return false; }
    Result<std::map<std::string, Tensor>> read(std::int64_t begin, std::int64_t end) const override {
        Shape shape = m_values.shape();
        const std::int64_t width = shape.numelBetween(1, shape.rank());
        shape[0] = end - begin;
        const auto part = m_values.values<float>().subspan(static_cast<std::size_t>(begin * width),
                                                           static_cast<std::size_t>((end - begin) * width));
        return std::map<std::string, Tensor>{{"x", Tensor::fromValues<float>(shape, part)}};
    }
    Result<std::vector<std::int64_t>> labels(std::int64_t, std::int64_t) const override {
        return std::vector<std::int64_t>{};
    }

private:
    Tensor m_values;
    std::filesystem::path m_file = "memory";
    std::string m_hash = "hash";
    std::vector<Input> m_inputs;
};

} // namespace qs
