#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace qs {

/// Writes small safetensors files, also wrong ones: the header is text that tests may change.
class SafetensorsBuilder {
public:
    /// Appends a tensor; its bytes follow those of the one before.
    SafetensorsBuilder &add(const std::string &name, const std::string &dtype,
                            const std::vector<std::int64_t> &shape, const std::string &bytes) {
        std::string dims;
        for (const std::int64_t dim : shape)
            dims += (dims.empty() ? "" : ",") + std::to_string(dim);
        m_header += (m_header.empty() ? "" : ",") + ('"' + name) + R"(":{"dtype":")" + dtype +
                    R"(","shape":[)" + dims + R"(],"data_offsets":[)" + std::to_string(m_data.size()) + "," +
                    std::to_string(m_data.size() + bytes.size()) + "]}";
        m_data += bytes;
        return *this;
    }
    template <typename T>
    SafetensorsBuilder &add(const std::string &name, const std::string &dtype,
                            const std::vector<std::int64_t> &shape, const std::vector<T> &values) {
        return add(name, dtype, shape,
                   std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T)));
    }
    /// \param align  pads the header with spaces as writers do, so that the data starts at a multiple of 8
    std::string bytes(bool align = true) const {
        std::string header = "{" + m_header + "}";
        while (align && header.size() % 8 != 0)
            header += ' ';
        return file(header, m_data);
    }
    /// Any text as header.
    static std::string file(const std::string &header, const std::string &data) {
        const auto size = static_cast<std::uint64_t>(header.size());
        std::string length(sizeof size, '\0');
        std::memcpy(length.data(), &size, sizeof size);
        return length + header + data;
    }

private:
    std::string m_header, m_data;
};

} // namespace qs
