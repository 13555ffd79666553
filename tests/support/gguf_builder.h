#pragma once

#include "core/tensor/dtype.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace qs {

/// Writes GGUF files byte by byte, also ones that no writer would make.
class GgufBuilder {
public:
    template <typename T>
    static std::string raw(T value) {
        std::string bytes(sizeof value, '\0');
        std::memcpy(bytes.data(), &value, sizeof value);
        return bytes;
    }
    static std::string text(const std::string &value) { return raw<std::uint64_t>(value.size()) + value; }
    /// Of an array value. \param elements  as bytes
    static std::string array(std::uint32_t type, std::uint64_t count, const std::string &elements) {
        return raw(type) + raw(count) + elements;
    }

    std::string magic = "GGUF";
    std::uint32_t version = 3;
    std::uint64_t alignment = 32;
    std::int64_t extraEntries = 0, extraTensors = 0; ///< that the counts claim

    void add(const std::string &key, std::uint32_t type, const std::string &value) {
        m_metadata += text(key) + raw(type) + value;
        ++m_entries;
    }
    void addText(const std::string &key, const std::string &value) { add(key, 8, text(value)); }

    /// \param dims  as in the file, fastest first \param offset  of the data; the next free place when absent
    void tensor(const std::string &name, const std::vector<std::int64_t> &dims, std::uint32_t type,
                const std::string &data, std::int64_t offset = -1) {
        const std::uint64_t place = offset < 0 ? m_data.size() : static_cast<std::uint64_t>(offset);
        m_directory += text(name) + raw(static_cast<std::uint32_t>(dims.size()));
        for (const std::int64_t dim : dims)
            m_directory += raw(dim);
        m_directory += raw(type) + raw(place);
        ++m_tensors;
        m_data += data;
        pad(m_data);
    }

    std::string bytes() const {
        std::string file = magic + raw(version) + raw(m_tensors + extraTensors) +
                           raw(m_entries + extraEntries) + m_metadata + m_directory;
        pad(file);
        return file + m_data;
    }

private:
    void pad(std::string &bytes) const {
        bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
    }

    std::string m_metadata, m_directory, m_data;
    std::int64_t m_entries = 0, m_tensors = 0;
};

} // namespace qs
