#pragma once

#include "core/base/result.h"
#include "core/tensor/dtype.h"

#include <hdf5.h>
#include <mutex>

namespace qs {

// What reading and writing share. Only core/io/hdf5_*.cpp include this header.

/// Held around every HDF5 call; the library keeps global state without locks.
std::mutex &hdf5Mutex();

/// Closes an HDF5 identifier at the end of its scope.
class Hdf5Handle {
public:
    Hdf5Handle() = default;
    Hdf5Handle(hid_t id, herr_t (*close)(hid_t)) : m_id(id), m_close(close) {}
    Hdf5Handle(Hdf5Handle &&other) noexcept : m_id(std::exchange(other.m_id, -1)), m_close(other.m_close) {}
    Hdf5Handle &operator=(Hdf5Handle &&other) noexcept {
        std::swap(m_id, other.m_id);
        std::swap(m_close, other.m_close);
        return *this;
    }
    ~Hdf5Handle() {
        if (m_id >= 0)
            m_close(m_id);
    }
    hid_t get() const { return m_id; }
    hid_t release() { return std::exchange(m_id, -1); }
    explicit operator bool() const { return m_id >= 0; }

private:
    hid_t m_id = -1;
    herr_t (*m_close)(hid_t) = nullptr;
};

/// "the HDF5 library says: …" for the failure that just happened; innermost reason. \param otherwise  when
/// the library gives none
std::string hdf5Reason(const char *otherwise = "the HDF5 library cannot read it");
tl::unexpected<Error> hdf5Corrupt(const std::string &what, const std::string &where);

struct Hdf5ElementType {
    DType dtype = DType::Undefined;
    Hdf5Handle memory; ///< little-endian: what H5Dread converts to, and what is written
};
/// Undefined when values of the stored type are not read here.
Hdf5ElementType hdf5ElementType(hid_t stored);

} // namespace qs
