#pragma once

#include "core/base/atomic_file.h"
#include "core/tensor/tensor.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace qs {

/// A new HDF5 file that appears whole or not at all. Groups of a path are made as needed. All calls are
/// serialised with those of Hdf5File. Without commit() nothing is left behind.
/// \thread one writer belongs to one thread
class Hdf5Writer {
public:
    /// \param userBlock  text in front of the HDF5 data by which programs know the file; at most 511 bytes
    /// \error IoError  the folder does not exist or is not writable
    static Result<Hdf5Writer> create(const std::filesystem::path &target, std::string userBlock = {});
    Hdf5Writer(Hdf5Writer &&other) noexcept;
    Hdf5Writer &operator=(Hdf5Writer &&) = delete;
    ~Hdf5Writer();

    /// Writes a data set; more than 4 KiB is cut into chunks and compressed (deflate, shuffle).
    /// \param values  float32/64 or an integer type
    /// \error IoError  disk full, or the path is taken;  Unsupported  another element type
    Status write(const std::string &path, const Tensor &values);
    /// Writes text as a uint8 data set [bytes]: attributes hold no more than 64 KiB.
    Status writeText(const std::string &path, std::string_view text);
    /// A short text attribute of a group or data set ("/" for the root).
    Status setAttribute(const std::string &object, const std::string &name, const std::string &text);
    /// Closes the file, flushes it to the disk and replaces the target. \error IoError  the target stays
    Status commit();

private:
    Hdf5Writer(AtomicFile file, std::string userBlock, std::int64_t id)
        : m_file(std::move(file)), m_userBlock(std::move(userBlock)), m_id(id) {}

    AtomicFile m_file;
    std::string m_userBlock;
    std::int64_t m_id = -1; ///< hid_t
};

} // namespace qs
