#include "core/io/hdf5_writer.h"

#include "core/base/check.h"
#include "core/io/hdf5_library.h"

#include <array>

namespace qs {
namespace {

constexpr std::size_t kSmallBytes = 4096;
constexpr hsize_t kChunkElements = hsize_t(1) << 18;
/// The fastest level: codes and scales shrink little more with higher ones.
constexpr unsigned kDeflateLevel = 1;
constexpr std::size_t kUserBlockBytes = 512;
constexpr const char *kCannotWrite = "the HDF5 library cannot write it";

tl::unexpected<Error> refused(const std::string &where) {
    return fail(ErrorCode::IoError, hdf5Reason(kCannotWrite) + ". Free space there or choose another place",
                where);
}

/// Stored types are those that reading gives: little-endian on every machine.
hid_t storedType(DType dtype) {
    switch (dtype) {
    case DType::Float32:
        return H5T_IEEE_F32LE;
    case DType::Float64:
        return H5T_IEEE_F64LE;
    case DType::Int8:
        return H5T_STD_I8LE;
    case DType::Int16:
        return H5T_STD_I16LE;
    case DType::Int32:
        return H5T_STD_I32LE;
    case DType::Int64:
        return H5T_STD_I64LE;
    case DType::UInt8:
        return H5T_STD_U8LE;
    default:
        return H5I_INVALID_HID;
    }
}

/// Chunks of whole rows, of about kChunkElements.
void setChunks(hid_t properties, const Shape &shape) {
    std::vector<hsize_t> chunk(shape.begin(), shape.end());
    hsize_t elements = 1;
    for (std::size_t axis = chunk.size(); axis-- > 0;) {
        chunk[axis] = std::max<hsize_t>(1, std::min(chunk[axis], kChunkElements / elements));
        elements *= chunk[axis];
    }
    H5Pset_chunk(properties, static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, kDeflateLevel);
}

Status writeDataset(hid_t file, const std::string &path, const Tensor &values) {
    const hid_t type = storedType(values.dtype());
    if (type == H5I_INVALID_HID)
        return fail(ErrorCode::Unsupported,
                    "elements of type " + std::string(dtypeName(values.dtype())) + " are not written", path);
    const std::vector<hsize_t> extent(values.shape().begin(), values.shape().end());
    const Hdf5Handle space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                           H5Sclose);
    const Hdf5Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    const Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(links.get(), 1);
    if (values.sizeBytes() > kSmallBytes)
        setChunks(properties.get(), values.shape());
    const Hdf5Handle dataset(
        H5Dcreate2(file, path.c_str(), type, space.get(), links.get(), properties.get(), H5P_DEFAULT),
        H5Dclose);
    if (!dataset)
        return refused(path);
    if (values.numel() > 0 &&
        H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.bytes()) < 0)
        return refused(path);
    return {};
}

Status writeAttribute(hid_t file, const std::string &object, const std::string &name,
                      const std::string &text) {
    const Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), text.size() + 1);
    H5Tset_cset(type.get(), H5T_CSET_UTF8);
    const Hdf5Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    const Hdf5Handle owner(H5Oopen(file, object.c_str(), H5P_DEFAULT), H5Oclose);
    const Hdf5Handle attribute(
        H5Acreate2(owner.get(), name.c_str(), type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    if (!attribute || H5Awrite(attribute.get(), type.get(), text.c_str()) < 0)
        return refused(object);
    return {};
}

} // namespace

Result<Hdf5Writer> Hdf5Writer::create(const std::filesystem::path &target, std::string userBlock) {
    QS_CHECK(userBlock.size() < kUserBlockBytes, "the user block must hold the text and an end");
    QS_TRY(AtomicFile file, AtomicFile::create(target));
    const std::lock_guard lock(hdf5Mutex());
    H5open();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
    H5Pset_file_locking(access.get(), true,
                        true); // network file systems without locks are written all the same
    const Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    if (!userBlock.empty())
        H5Pset_userblock(creation.get(), kUserBlockBytes);
    Hdf5Handle handle(H5Fcreate(file.temporaryPath().c_str(), H5F_ACC_TRUNC, creation.get(), access.get()),
                      H5Fclose);
    if (!handle)
        return refused(target.string());
    return Hdf5Writer(std::move(file), std::move(userBlock), handle.release());
}

Hdf5Writer::Hdf5Writer(Hdf5Writer &&other) noexcept
    : m_file(std::move(other.m_file)), m_userBlock(std::move(other.m_userBlock)),
      m_id(std::exchange(other.m_id, -1)) {}

Hdf5Writer::~Hdf5Writer() {
    // What was moved from is destroyed inside create(), which holds the lock.
    if (m_id < 0)
        return;
    const std::lock_guard lock(hdf5Mutex());
    H5Fclose(m_id);
}

Status Hdf5Writer::write(const std::string &path, const Tensor &values) {
    const std::lock_guard lock(hdf5Mutex());
    return writeDataset(m_id, path, values);
}

Status Hdf5Writer::writeText(const std::string &path, std::string_view text) {
    const auto *bytes = reinterpret_cast<const std::uint8_t *>(text.data());
    return write(path, Tensor::fromValues<std::uint8_t>(Shape{static_cast<std::int64_t>(text.size())},
                                                        {bytes, text.size()}));
}

Status Hdf5Writer::setAttribute(const std::string &object, const std::string &name, const std::string &text) {
    const std::lock_guard lock(hdf5Mutex());
    return writeAttribute(m_id, object, name, text);
}

Status Hdf5Writer::commit() {
    {
        const std::lock_guard lock(hdf5Mutex());
        if (H5Fclose(std::exchange(m_id, -1)) < 0)
            return refused(m_file.temporaryPath().string());
    }
    // Nothing was written through the atomic file yet, so this lands at its beginning, which HDF5 left free.
    if (!m_userBlock.empty())
        QS_CHECK_OK(m_file.append(m_userBlock));
    return m_file.commit();
}

} // namespace qs
