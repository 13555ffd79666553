#include "core/io/hdf5_file.h"

#include "core/io/file_kind.h"
#include "core/io/isolated_call.h"

#include <array>
#include <cstring>
#include <fmt/format.h>
#include <hdf5.h>
#include <limits>
#include <mutex>
#include <new>

namespace qs {
namespace {

constexpr int kMaxDepth = 32;
constexpr hsize_t kMaxObjects = 65536;
constexpr std::uint64_t kMaxChunkBytes = std::uint64_t(256) << 20;
/// Deflate cannot shrink by more than 1032, so a data set that claims more than this per stored byte lies.
constexpr std::uint64_t kMaxExpansion = 1040;
constexpr std::uint64_t kSmallBytes = std::uint64_t(1) << 20; ///< below this no ratio is checked
constexpr int kTrialSeconds = 5;
constexpr std::int64_t kTrialBytes = std::int64_t(64) << 20;
constexpr std::size_t kMaxTextBytes = std::size_t(64) << 20;

/// Held around every HDF5 call; the library keeps global state without locks.
std::mutex &hdf5Mutex() {
    static std::mutex mutex;
    return mutex;
}

/// Closes an HDF5 identifier at the end of its scope.
class Handle {
public:
    Handle() = default;
    Handle(hid_t id, herr_t (*close)(hid_t)) : m_id(id), m_close(close) {}
    Handle(Handle &&other) noexcept : m_id(std::exchange(other.m_id, -1)), m_close(other.m_close) {}
    Handle &operator=(Handle &&other) noexcept {
        std::swap(m_id, other.m_id);
        std::swap(m_close, other.m_close);
        return *this;
    }
    ~Handle() {
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

herr_t keepFirstDescription(unsigned, const H5E_error2_t *error, void *text) {
    auto &kept = *static_cast<std::string *>(text);
    if (kept.empty() && error->desc)
        kept = error->desc;
    return 0;
}

/// "the HDF5 library says: …" for the failure that just happened; innermost reason.
std::string libraryReason() {
    std::string reason;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keepFirstDescription, &reason);
    H5Eclear2(H5E_DEFAULT);
    return reason.empty() ? std::string("the HDF5 library cannot read it")
                          : "the HDF5 library says: " + reason;
}

tl::unexpected<Error> corrupt(const std::string &what, const std::string &where) {
    return fail(ErrorCode::CorruptFile, what + ". The file may be damaged; write it again", where);
}

/// Refuses everything but a hard link, so that nothing outside the tree is reached.
Status checkHardLink(hid_t parent, const std::string &name, const std::string &where) {
    H5L_info_t link;
    if (H5Lget_info(parent, name.c_str(), &link, H5P_DEFAULT) < 0)
        return corrupt(libraryReason(), where);
    if (link.type != H5L_TYPE_HARD)
        return fail(ErrorCode::CorruptFile,
                    "is a soft or external link; only hard links are followed. Copy the data into the file",
                    where);
    return {};
}

/// Opens a group or data set by walking its path link by link.
Result<Handle> openObject(hid_t file, const std::string &path) {
    Handle current(H5Gopen2(file, "/", H5P_DEFAULT), H5Oclose);
    if (!current)
        return corrupt(libraryReason(), "/");
    int depth = 0;
    for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string name = path.substr(begin, end - begin);
        begin = end + 1;
        if (name.empty())
            continue;
        if (++depth > kMaxDepth)
            return fail(ErrorCode::CorruptFile, "lies deeper than 32 groups", path);
        if (H5Iget_type(current.get()) != H5I_GROUP ||
            H5Lexists(current.get(), name.c_str(), H5P_DEFAULT) <= 0)
            return fail(ErrorCode::NotFound, "there is no such group or data set", path);
        QS_CHECK_OK(checkHardLink(current.get(), name, path));
        current = Handle(H5Oopen(current.get(), name.c_str(), H5P_DEFAULT), H5Oclose);
        if (!current)
            return corrupt(libraryReason(), path);
    }
    return current;
}

bool isOfType(hid_t file, const std::string &path, H5I_type_t type) {
    const auto object = openObject(file, path);
    return object && H5Iget_type(object->get()) == type;
}

/// A 16-bit floating-point type with the given exponent and mantissa widths.
Handle float16Type(std::size_t exponentBits, H5T_order_t order) {
    const std::size_t mantissaBits = 15 - exponentBits;
    Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
    H5Tset_fields(type.get(), 15, mantissaBits, exponentBits, 0, mantissaBits);
    H5Tset_size(type.get(), 2);
    H5Tset_ebias(type.get(), (std::size_t(1) << (exponentBits - 1)) - 1);
    H5Tset_order(type.get(), order);
    return type;
}

struct ElementType {
    DType dtype = DType::Undefined;
    Handle memory; ///< what H5Dread converts to: little-endian
};

/// A boolean as h5py writes it: an 8-bit enumeration FALSE = 0, TRUE = 1.
bool isBoolEnum(hid_t type) {
    std::int8_t no = -1, yes = -1;
    return H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2 && H5Tenum_valueof(type, "FALSE", &no) >= 0 &&
           H5Tenum_valueof(type, "TRUE", &yes) >= 0 && no == 0 && yes == 1;
}

ElementType elementType(hid_t stored) {
    if (H5Tget_class(stored) == H5T_ENUM && isBoolEnum(stored))
        return {DType::Bool, Handle(H5Tcopy(stored), H5Tclose)};
    struct Known {
        DType dtype;
        hid_t little, big;
    };
    const std::array<Known, 10> known{{{DType::Float32, H5T_IEEE_F32LE, H5T_IEEE_F32BE},
                                       {DType::Float64, H5T_IEEE_F64LE, H5T_IEEE_F64BE},
                                       {DType::Int8, H5T_STD_I8LE, H5T_STD_I8BE},
                                       {DType::Int16, H5T_STD_I16LE, H5T_STD_I16BE},
                                       {DType::Int32, H5T_STD_I32LE, H5T_STD_I32BE},
                                       {DType::Int64, H5T_STD_I64LE, H5T_STD_I64BE},
                                       {DType::UInt8, H5T_STD_U8LE, H5T_STD_U8BE},
                                       {DType::UInt16, H5T_STD_U16LE, H5T_STD_U16BE},
                                       {DType::UInt32, H5T_STD_U32LE, H5T_STD_U32BE},
                                       {DType::UInt64, H5T_STD_U64LE, H5T_STD_U64BE}}};
    for (const Known &type : known)
        if (H5Tequal(stored, type.little) > 0 || H5Tequal(stored, type.big) > 0)
            return {type.dtype, Handle(H5Tcopy(type.little), H5Tclose)};
    for (const auto &[dtype, exponentBits] : {std::pair(DType::Float16, 5), std::pair(DType::BFloat16, 8)}) {
        Handle little = float16Type(static_cast<std::size_t>(exponentBits), H5T_ORDER_LE);
        const Handle big = float16Type(static_cast<std::size_t>(exponentBits), H5T_ORDER_BE);
        if (H5Tequal(stored, little.get()) > 0 || H5Tequal(stored, big.get()) > 0)
            return {dtype, std::move(little)};
    }
    return {};
}

/// Reads a text attribute of an open object; NotFound when there is none.
Result<std::string> attributeText(hid_t object, const std::string &name, const std::string &where) {
    if (H5Aexists(object, name.c_str()) <= 0)
        return fail(ErrorCode::NotFound, fmt::format("has no attribute '{}'", name), where);
    const Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose);
    const Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const Handle space(H5Aget_space(attribute.get()), H5Sclose);
    if (!attribute || !type || !space)
        return corrupt(libraryReason(), where);
    if (H5Tget_class(type.get()) != H5T_STRING || H5Sget_simple_extent_npoints(space.get()) != 1)
        return fail(ErrorCode::Unsupported, fmt::format("attribute '{}' is not a single text", name), where);

    std::string text;
    if (H5Tis_variable_str(type.get()) > 0) {
        char *bytes = nullptr;
        if (H5Aread(attribute.get(), type.get(), &bytes) < 0)
            return corrupt(libraryReason(), where);
        if (bytes)
            text = bytes;
        H5free_memory(bytes);
    } else {
        const std::size_t size = H5Tget_size(type.get());
        if (size > kMaxTextBytes)
            return corrupt(fmt::format("attribute '{}' claims {} bytes of text", name, size), where);
        text.resize(size);
        if (H5Aread(attribute.get(), type.get(), text.data()) < 0)
            return corrupt(libraryReason(), where);
        text.resize(std::strlen(text.c_str()));
    }
    return text;
}

/// Names with underscores in files ("float8_e4m3fn") are ours without them.
Status applyLogicalType(hid_t dataset, const std::string &path, DType &dtype) {
    if (H5Aexists(dataset, "logical_dtype") <= 0)
        return {};
    QS_TRY(std::string name, attributeText(dataset, "logical_dtype", path));
    std::string plain = name;
    std::erase(plain, '_');
    const DType logical = dtypeFromName(plain);
    if (logical == dtype)
        return {};
    const bool storable = logical == DType::Bool || logical == DType::BFloat16 || logical == DType::Float16 ||
                          (isFloatingPoint(logical) && dtypeBits(logical) == 8);
    if (!storable || dtypeBits(logical) != dtypeBits(dtype) || isFloatingPoint(dtype))
        return fail(
            ErrorCode::Unsupported,
            fmt::format("logical_dtype '{}' on {} elements cannot be read; store float32 or an integer type",
                        name, dtypeName(dtype)),
            path);
    dtype = logical;
    return {};
}

Status checkFilters(hid_t properties, const std::string &path) {
    const int count = H5Pget_nfilters(properties);
    for (int i = 0; i < count; ++i) {
        unsigned flags = 0, config = 0;
        std::size_t values = 0;
        std::array<char, 64> name{};
        const H5Z_filter_t filter = H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &values,
                                                   nullptr, name.size(), name.data(), &config);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
            return fail(
                ErrorCode::Unsupported,
                fmt::format("is compressed with filter {}; only deflate (gzip), shuffle and fletcher32 can "
                            "be read. Write it again with gzip or without compression",
                            static_cast<int>(filter)),
                path);
    }
    return {};
}

/// Everything about where the data lies that must hold before reading it.
Status checkStorage(hid_t dataset, const std::string &path, std::uint64_t bytes) {
    const Handle properties(H5Dget_create_plist(dataset), H5Pclose);
    if (!properties)
        return corrupt(libraryReason(), path);
    const H5D_layout_t layout = H5Pget_layout(properties.get());
    if (layout == H5D_VIRTUAL || H5Pget_external_count(properties.get()) > 0)
        return fail(ErrorCode::CorruptFile,
                    "keeps its data in other files, which is not followed. Copy the data into this file",
                    path);
    QS_CHECK_OK(checkFilters(properties.get(), path));
    if (layout == H5D_CHUNKED) {
        std::array<hsize_t, H5S_MAX_RANK> chunk{};
        const int rank = H5Pget_chunk(properties.get(), H5S_MAX_RANK, chunk.data());
        std::uint64_t elements = 1;
        for (int axis = 0; axis < rank; ++axis)
            if (__builtin_mul_overflow(elements, chunk[static_cast<std::size_t>(axis)], &elements) ||
                elements > kMaxChunkBytes)
                return corrupt("claims chunks of more than 256 MiB", path);
    }
    const std::uint64_t stored = H5Dget_storage_size(dataset);
    if (bytes > kSmallBytes && bytes / kMaxExpansion > stored)
        return corrupt(
            fmt::format("claims {} bytes of data, but the file holds only {} for it", bytes, stored), path);
    return {};
}

/// A data set that passed all checks.
struct OpenDataset {
    Handle handle;
    ElementType element;
    Hdf5File::Dataset info;
};

Result<Shape> datasetShape(hid_t dataset, const std::string &path) {
    const Handle space(H5Dget_space(dataset), H5Sclose);
    std::array<hsize_t, H5S_MAX_RANK> extent{};
    const int rank = space ? H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr) : -1;
    if (rank < 0)
        return corrupt(libraryReason(), path);
    if (H5Sget_simple_extent_type(space.get()) == H5S_NULL)
        return fail(ErrorCode::Unsupported, "has no data", path);
    std::vector<std::int64_t> dims;
    for (int axis = 0; axis < rank; ++axis)
        dims.push_back(static_cast<std::int64_t>(std::min<hsize_t>(
            extent[static_cast<std::size_t>(axis)], std::numeric_limits<std::int64_t>::max())));
    return Shape(std::move(dims));
}

Result<OpenDataset> openDataset(hid_t file, const std::string &path) {
    OpenDataset result;
    QS_TRY(result.handle, openObject(file, path));
    const hid_t dataset = result.handle.get();
    if (H5Iget_type(dataset) != H5I_DATASET)
        return fail(ErrorCode::NotFound, "is a group, not a data set", path);
    const Handle stored(H5Dget_type(dataset), H5Tclose);
    if (!stored)
        return corrupt(libraryReason(), path);
    result.element = elementType(stored.get());
    if (result.element.dtype == DType::Undefined)
        return fail(
            ErrorCode::Unsupported,
            "has an element type that is not read here (text, compound or unusual numbers); store float16, "
            "float32, float64, integers or bool",
            path);
    QS_TRY(result.info.shape, datasetShape(dataset, path));
    QS_TRY(const std::int64_t numel, result.info.shape.checkedNumel());
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(static_cast<std::uint64_t>(numel), H5Tget_size(stored.get()), &bytes))
        return corrupt("claims more elements than any file can hold", path);
    QS_CHECK_OK(checkStorage(dataset, path, bytes));
    result.info.dtype = result.element.dtype;
    QS_CHECK_OK(applyLogicalType(dataset, path, result.info.dtype));
    return result;
}

/// Bytes that are neither 0 nor 1 would be undefined behaviour in a bool.
void normaliseBools(Tensor &tensor) {
    if (tensor.dtype() == DType::Bool)
        for (std::uint8_t &value : tensor.mutableValues<std::uint8_t>())
            value = value != 0;
}

Result<Tensor> readSpace(const OpenDataset &dataset, const Shape &shape, hid_t memorySpace, hid_t fileSpace,
                         const std::string &path) {
    Tensor tensor;
    try {
        tensor = Tensor::allocate(dataset.info.dtype, shape);
    } catch (const std::bad_alloc &) {
        return fail(ErrorCode::OutOfMemory, "there is not enough memory for " + shape.text() + " elements",
                    path);
    }
    if (shape.numel() > 0 && H5Dread(dataset.handle.get(), dataset.element.memory.get(), memorySpace,
                                     fileSpace, H5P_DEFAULT, tensor.mutableBytes()) < 0)
        return corrupt(libraryReason(), path);
    normaliseBools(tensor);
    return tensor;
}

struct ChildList {
    std::vector<Hdf5File::Entry> entries;
    std::string foreignLink;
};

herr_t collectChild(hid_t group, const char *name, const H5L_info_t *link, void *data) {
    auto &list = *static_cast<ChildList *>(data);
    if (link->type != H5L_TYPE_HARD) {
        list.foreignLink = name;
        return 1;
    }
    H5O_info_t object;
    if (H5Oget_info_by_name2(group, name, &object, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
        return -1;
    if (object.type == H5O_TYPE_GROUP || object.type == H5O_TYPE_DATASET)
        list.entries.push_back({name, object.type == H5O_TYPE_GROUP});
    return 0;
}

Result<std::vector<Hdf5File::Entry>> listChildren(hid_t file, const std::string &group) {
    QS_TRY(const Handle handle, openObject(file, group));
    H5G_info_t info;
    if (H5Iget_type(handle.get()) != H5I_GROUP)
        return fail(ErrorCode::NotFound, "is not a group", group);
    if (H5Gget_info(handle.get(), &info) < 0)
        return corrupt(libraryReason(), group);
    if (info.nlinks > kMaxObjects)
        return corrupt(fmt::format("claims {} objects", info.nlinks), group);
    ChildList list;
    hsize_t next = 0;
    if (H5Literate(handle.get(), H5_INDEX_NAME, H5_ITER_INC, &next, collectChild, &list) < 0)
        return corrupt(libraryReason(), group);
    if (!list.foreignLink.empty())
        return fail(
            ErrorCode::CorruptFile,
            fmt::format("'{}' is a soft or external link; only hard links are followed. Copy the data into "
                        "the file",
                        list.foreignLink),
            group);
    return std::move(list.entries);
}

Result<Tensor> readRowsOf(const OpenDataset &opened, const std::string &path, std::int64_t begin,
                          std::int64_t end) {
    Shape shape = opened.info.shape;
    if (shape.rank() == 0 || begin < 0 || end < begin || end > shape[0])
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("rows {} to {} were asked for, its shape is {}", begin, end, shape.text()),
                    path);
    shape[0] = end - begin;
    std::array<hsize_t, H5S_MAX_RANK> start{}, count{};
    start[0] = static_cast<hsize_t>(begin);
    std::copy(shape.begin(), shape.end(), count.begin());
    const Handle fileSpace(H5Dget_space(opened.handle.get()), H5Sclose);
    const Handle memorySpace(H5Screate_simple(shape.rank(), count.data(), nullptr), H5Sclose);
    if (!fileSpace || !memorySpace)
        return corrupt(libraryReason(), path);
    if (shape.numel() > 0 && H5Sselect_hyperslab(fileSpace.get(), H5S_SELECT_SET, start.data(), nullptr,
                                                 count.data(), nullptr) < 0)
        return corrupt(libraryReason(), path);
    return readSpace(opened, shape, memorySpace.get(), fileSpace.get(), path);
}

Handle openFile(const std::filesystem::path &file) {
    const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
    H5Pset_file_locking(access.get(), true, true); // network file systems without locks are read all the same
    return Handle(H5Fopen(file.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
}

herr_t collectName(hid_t, const char *name, const H5A_info_t *, void *names) {
    static_cast<std::vector<std::string> *>(names)->emplace_back(name);
    return 0;
}

/// Reads through a whole file to see whether the library survives that; HDF5 1.10 does not survive all
/// damage. Big data sets are read at both ends only.
class Trial {
public:
    explicit Trial(const std::filesystem::path &file) : m_file(openFile(file)) {}
    void run() {
        if (m_file)
            tryObject("", true, 0);
    }

private:
    void tryObject(const std::string &path, bool isGroup, int depth) {
        if (depth > kMaxDepth || ++m_objects > kMaxObjects)
            return;
        tryAttributes(path);
        if (!isGroup)
            return tryDataset(path);
        if (const auto children = listChildren(m_file.get(), path))
            for (const auto &child : *children)
                tryObject(path + "/" + child.name, child.isGroup, depth + 1);
    }

    void tryAttributes(const std::string &path) {
        const auto object = openObject(m_file.get(), path);
        if (!object)
            return;
        std::vector<std::string> names;
        hsize_t next = 0;
        H5Aiterate2(object->get(), H5_INDEX_NAME, H5_ITER_NATIVE, &next, collectName, &names);
        for (const std::string &name : names)
            (void)attributeText(object->get(), name, path);
    }

    void tryDataset(const std::string &path) {
        const auto dataset = openDataset(m_file.get(), path);
        if (!dataset || dataset->info.shape.numel() == 0)
            return;
        const Shape &shape = dataset->info.shape;
        const std::int64_t rows = shape.rank() == 0 ? 1 : shape[0];
        const auto rowBytes = static_cast<std::int64_t>(Tensor::byteSize(dataset->info.dtype, shape)) / rows;
        if (rowBytes * rows <= m_bytesLeft) {
            m_bytesLeft -= rowBytes * rows;
            (void)readSpace(*dataset, shape, H5S_ALL, H5S_ALL, path);
        } else if (rowBytes < kTrialBytes) {
            (void)readRowsOf(*dataset, path, 0, 1);
            (void)readRowsOf(*dataset, path, rows - 1, rows);
        }
    }

    Handle m_file;
    hsize_t m_objects = 0;
    std::int64_t m_bytesLeft = kTrialBytes;
};

} // namespace

Result<std::shared_ptr<const Hdf5File>> Hdf5File::open(const std::filesystem::path &file,
                                                       const RunContext &ctx) {
    std::error_code code;
    if (!std::filesystem::is_regular_file(file, code))
        return fail(ErrorCode::NotFound, "there is no such file", file.string());
    const std::lock_guard lock(hdf5Mutex());
    H5open();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    if (H5Fis_hdf5(file.c_str()) <= 0)
        return fail(ErrorCode::CorruptFile,
                    "is not an HDF5 file; it looks like " + describeFileKind(readHead(file)), file.string());
    if (Status survived = runIsolated([&] { Trial(file).run(); }, kTrialSeconds, ctx); !survived)
        return fail(std::move(survived).error().withContext(file.string()));
    Handle handle = openFile(file);
    if (!handle)
        return corrupt(libraryReason(), file.string());
    return std::shared_ptr<const Hdf5File>(new Hdf5File(file, handle.release()));
}

Hdf5File::~Hdf5File() {
    const std::lock_guard lock(hdf5Mutex());
    H5Fclose(m_id);
}

Result<std::vector<Hdf5File::Entry>> Hdf5File::children(const std::string &group) const {
    const std::lock_guard lock(hdf5Mutex());
    return listChildren(m_id, group);
}

bool Hdf5File::hasGroup(const std::string &group) const {
    const std::lock_guard lock(hdf5Mutex());
    return isOfType(m_id, group, H5I_GROUP);
}

bool Hdf5File::hasDataset(const std::string &dataset) const {
    const std::lock_guard lock(hdf5Mutex());
    return isOfType(m_id, dataset, H5I_DATASET);
}

Result<Hdf5File::Dataset> Hdf5File::dataset(const std::string &path) const {
    const std::lock_guard lock(hdf5Mutex());
    QS_TRY(const OpenDataset opened, openDataset(m_id, path));
    return opened.info;
}

Result<Tensor> Hdf5File::read(const std::string &path) const {
    const std::lock_guard lock(hdf5Mutex());
    QS_TRY(const OpenDataset opened, openDataset(m_id, path));
    return readSpace(opened, opened.info.shape, H5S_ALL, H5S_ALL, path);
}

Result<Tensor> Hdf5File::readRows(const std::string &path, std::int64_t begin, std::int64_t end) const {
    const std::lock_guard lock(hdf5Mutex());
    QS_TRY(const OpenDataset opened, openDataset(m_id, path));
    return readRowsOf(opened, path, begin, end);
}

Result<std::string> Hdf5File::textAttribute(const std::string &object, const std::string &name) const {
    const std::lock_guard lock(hdf5Mutex());
    QS_TRY(const Handle handle, openObject(m_id, object));
    return attributeText(handle.get(), name, object);
}

} // namespace qs
