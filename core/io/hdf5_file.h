#pragma once

#include "core/base/run_context.h"
#include "core/tensor/tensor.h"

#include <filesystem>
#include <string>
#include <vector>

namespace qs {

/// An HDF5 file opened for reading. Treats the file as hostile: only hard links are followed, data outside
/// the file, virtual data sets and filters other than deflate, shuffle and fletcher32 are refused, and sizes
/// are checked before anything is allocated. All calls are serialised, as Debian's HDF5 is not thread-safe.
/// Object paths are absolute or relative to the root: "inputs/image", "/labels".
/// \thread safe
class Hdf5File {
public:
    /// Reads the file once in a child process first, as damage can crash the HDF5 library.
    /// \error NotFound     there is no such file;  Cancelled
    /// \error CorruptFile  not HDF5, or damaged
    static Result<std::shared_ptr<const Hdf5File>> open(const std::filesystem::path &file,
                                                        const RunContext &ctx = {});
    ~Hdf5File();
    Hdf5File(const Hdf5File &) = delete;
    Hdf5File &operator=(const Hdf5File &) = delete;

    struct Entry {
        std::string name;
        bool isGroup = false;      ///< else a data set
        std::uint64_t address = 0; ///< in the file: hard links give one object many names
    };
    struct Dataset {
        DType dtype = DType::Undefined; ///< what the bytes mean: the attribute logical_dtype is obeyed
        Shape shape;
    };

    const std::filesystem::path &path() const { return m_path; }
    /// Groups and data sets directly below a group, by name.
    /// \error NotFound; CorruptFile  a link that leaves the tree, or more than 65536 objects
    Result<std::vector<Entry>> children(const std::string &group = "/") const;
    bool hasGroup(const std::string &group) const;
    bool hasDataset(const std::string &dataset) const;

    /// Element type and shape, without reading data.
    /// \error NotFound; Unsupported  a type or filter that cannot be read (strings, compounds);  CorruptFile
    Result<Dataset> dataset(const std::string &path) const;
    /// The whole data set: float16/32/64, integers, bool (also h5py's enumeration), bfloat16 and 8-bit floats
    /// through logical_dtype.
    /// \error as dataset(), and OutOfMemory
    Result<Tensor> read(const std::string &path) const;
    /// Rows [begin, end) of the first axis.
    /// \error as read(), InvalidArgument  rows that do not exist, or a scalar
    Result<Tensor> readRows(const std::string &path, std::int64_t begin, std::int64_t end) const;

    /// A text attribute of a group or data set ("/" for the root), fixed-length or variable.
    /// \error NotFound  no such object or attribute;  Unsupported  not a single text
    Result<std::string> textAttribute(const std::string &object, const std::string &name) const;
    /// A single integer attribute, or a text of digits.
    /// \error as textAttribute()
    Result<std::int64_t> integerAttribute(const std::string &object, const std::string &name) const;

private:
    Hdf5File(std::filesystem::path path, std::int64_t id) : m_path(std::move(path)), m_id(id) {}

    std::filesystem::path m_path;
    std::int64_t m_id; ///< hid_t; the type stays out of this header
};

} // namespace qs
