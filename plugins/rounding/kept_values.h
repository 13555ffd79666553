#pragma once

#include <cstdint>
#include <vector>

namespace qs {

/// Elements that keep their value in float16, whatever their codes say.
struct KeptValues {
    std::vector<std::int64_t> elements; ///< row · cols + col
    std::vector<float> values;          ///< float16 values

    void add(std::int64_t element, float value) {
        elements.push_back(element);
        values.push_back(value);
    }
};

} // namespace qs
