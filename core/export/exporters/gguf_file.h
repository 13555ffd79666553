#pragma once

#include "core/base/atomic_file.h"
#include "core/base/run_context.h"
#include "core/io/importers/gguf_value.h"
#include "core/tensor/tensor.h"

#include <map>
#include <string>
#include <vector>

namespace qs {

/// The metadata of a GGUF file that is made: keys in the order of their first setting, values as bytes.
class GgufMetadata {
public:
    void set(const std::string &key, std::uint32_t value);
    void set(const std::string &key, float value);
    void set(const std::string &key, const std::string &text);
    /// As another file has it, bit for bit.
    void set(const std::string &key, const GgufValue &value);
    void remove(const std::string &key);
    bool has(const std::string &key) const;

    /// Every key, type and value as the file holds them.
    std::string bytes() const;
    std::size_t count() const { return m_entries.size(); }

private:
    struct Entry {
        std::string key;
        GgufType type;
        std::string bytes;
    };
    void put(const std::string &key, GgufType type, std::string bytes);
    std::vector<Entry> m_entries;
};

/// A tensor by the name that the file has for it; shape outermost first, of any plain or block type of ggml.
struct GgufOutput {
    std::string name;
    Tensor tensor;
};

/// The id that GGUF files have for an element type; nothing when they have none. \source file_formats 3.4
std::optional<std::uint32_t> ggufTypeId(DType type);

/// Writes a GGUF file of version 3, alignment 32, tensors densely in their order, the last padded, too.
/// \return its size  \error IoError  disk full, or the system refused;  Cancelled \source file_formats 3.1
Result<std::size_t> writeGguf(AtomicFile &file, const GgufMetadata &metadata,
                              const std::vector<GgufOutput> &tensors, const RunContext &ctx);

} // namespace qs
