#include "core/io/hdf5_reading.h"

#include <array>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <new>

namespace qs {
namespace {

constexpr std::uint64_t kMaxChunkBytes = std::uint64_t(256) << 20;
/// Deflate cannot shrink by more than 1032, so a data set that claims more than this per stored byte lies.
constexpr std::uint64_t kMaxExpansion = 1040;
constexpr std::uint64_t kSmallBytes = std::uint64_t(1) << 20; ///< below this no ratio is checked
constexpr std::size_t kMaxTextBytes = std::size_t(64) << 20;

/// Refuses everything but a hard link, so that nothing outside the tree is reached.
Status checkHardLink(hid_t parent, const std::string &name, const std::string &where) {
    H5L_info_t link;
    if (H5Lget_info(parent, name.c_str(), &link, H5P_DEFAULT) < 0)
        return hdf5Corrupt(hdf5Reason(), where);
    if (link.type != H5L_TYPE_HARD)
        return fail(ErrorCode::CorruptFile,
                    "is a soft or external link; only hard links are followed. Copy the data into the file",
                    where);
    return {};
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
    const Hdf5Handle properties(H5Dget_create_plist(dataset), H5Pclose);
    if (!properties)
        return hdf5Corrupt(hdf5Reason(), path);
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
                return hdf5Corrupt("claims chunks of more than 256 MiB", path);
    }
    const std::uint64_t stored = H5Dget_storage_size(dataset);
    if (bytes > kSmallBytes && bytes / kMaxExpansion > stored)
        return hdf5Corrupt(
            fmt::format("claims {} bytes of data, but the file holds only {} for it", bytes, stored), path);
    return {};
}

Result<Shape> datasetShape(hid_t dataset, const std::string &path) {
    const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
    std::array<hsize_t, H5S_MAX_RANK> extent{};
    const int rank = space ? H5Sget_simple_extent_dims(space.get(), extent.data(), nullptr) : -1;
    if (rank < 0)
        return hdf5Corrupt(hdf5Reason(), path);
    if (H5Sget_simple_extent_type(space.get()) == H5S_NULL)
        return fail(ErrorCode::Unsupported, "has no data", path);
    std::vector<std::int64_t> dims;
    for (int axis = 0; axis < rank; ++axis)
        dims.push_back(static_cast<std::int64_t>(std::min<hsize_t>(
            extent[static_cast<std::size_t>(axis)], std::numeric_limits<std::int64_t>::max())));
    return Shape(std::move(dims));
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
        return hdf5Corrupt(hdf5Reason(), path);
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
        list.entries.push_back({name, object.type == H5O_TYPE_GROUP, object.addr});
    return 0;
}

} // namespace

Result<Hdf5Handle> openObject(hid_t file, const std::string &path) {
    Hdf5Handle current(H5Gopen2(file, "/", H5P_DEFAULT), H5Oclose);
    if (!current)
        return hdf5Corrupt(hdf5Reason(), "/");
    int depth = 0;
    for (std::size_t begin = 0; begin < path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string name = path.substr(begin, end - begin);
        begin = end + 1;
        if (name.empty())
            continue;
        if (++depth > kHdf5MaxDepth)
            return fail(ErrorCode::CorruptFile, "lies deeper than 32 groups", path);
        if (H5Iget_type(current.get()) != H5I_GROUP ||
            H5Lexists(current.get(), name.c_str(), H5P_DEFAULT) <= 0)
            return fail(ErrorCode::NotFound, "there is no such group or data set", path);
        QS_CHECK_OK(checkHardLink(current.get(), name, path));
        current = Hdf5Handle(H5Oopen(current.get(), name.c_str(), H5P_DEFAULT), H5Oclose);
        if (!current)
            return hdf5Corrupt(hdf5Reason(), path);
    }
    return current;
}

Result<std::string> attributeText(hid_t object, const std::string &name, const std::string &where) {
    if (H5Aexists(object, name.c_str()) <= 0)
        return fail(ErrorCode::NotFound, fmt::format("has no attribute '{}'", name), where);
    const Hdf5Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose);
    const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose);
    if (!attribute || !type || !space)
        return hdf5Corrupt(hdf5Reason(), where);
    if (H5Tget_class(type.get()) != H5T_STRING || H5Sget_simple_extent_npoints(space.get()) != 1)
        return fail(ErrorCode::Unsupported, fmt::format("attribute '{}' is not a single text", name), where);

    std::string text;
    if (H5Tis_variable_str(type.get()) > 0) {
        char *bytes = nullptr;
        if (H5Aread(attribute.get(), type.get(), &bytes) < 0)
            return hdf5Corrupt(hdf5Reason(), where);
        if (bytes)
            text = bytes;
        H5free_memory(bytes);
    } else {
        const std::size_t size = H5Tget_size(type.get());
        if (size > kMaxTextBytes)
            return hdf5Corrupt(fmt::format("attribute '{}' claims {} bytes of text", name, size), where);
        text.resize(size);
        if (H5Aread(attribute.get(), type.get(), text.data()) < 0)
            return hdf5Corrupt(hdf5Reason(), where);
        text.resize(std::strlen(text.c_str()));
    }
    return text;
}

Result<std::int64_t> attributeInteger(hid_t object, const std::string &name, const std::string &where) {
    const auto wrong = [&] {
        return fail(ErrorCode::Unsupported, fmt::format("attribute '{}' is not a single integer", name),
                    where);
    };
    std::int64_t value = 0;
    if (const auto text = attributeText(object, name, where)) {
        const char *end = text->data() + text->size();
        const auto parsed = std::from_chars(text->data(), end, value);
        if (parsed.ec != std::errc() || parsed.ptr != end)
            return wrong();
        return value;
    } else if (text.error().code != ErrorCode::Unsupported) {
        return fail(text.error());
    }
    const Hdf5Handle attribute(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose);
    const Hdf5Handle type(H5Aget_type(attribute.get()), H5Tclose);
    const Hdf5Handle space(H5Aget_space(attribute.get()), H5Sclose);
    if (!attribute || !type || !space || H5Tget_class(type.get()) != H5T_INTEGER ||
        H5Sget_simple_extent_npoints(space.get()) != 1)
        return wrong();
    if (H5Aread(attribute.get(), H5T_NATIVE_INT64, &value) < 0)
        return hdf5Corrupt(hdf5Reason(), where);
    return value;
}

Result<OpenDataset> openDataset(hid_t file, const std::string &path) {
    OpenDataset result;
    QS_TRY(result.handle, openObject(file, path));
    const hid_t dataset = result.handle.get();
    if (H5Iget_type(dataset) != H5I_DATASET)
        return fail(ErrorCode::NotFound, "is a group, not a data set", path);
    const Hdf5Handle stored(H5Dget_type(dataset), H5Tclose);
    if (!stored)
        return hdf5Corrupt(hdf5Reason(), path);
    result.element = hdf5ElementType(stored.get());
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
        return hdf5Corrupt("claims more elements than any file can hold", path);
    QS_CHECK_OK(checkStorage(dataset, path, bytes));
    result.info.dtype = result.element.dtype;
    QS_CHECK_OK(applyLogicalType(dataset, path, result.info.dtype));
    return result;
}

Result<Tensor> readAll(const OpenDataset &dataset, const std::string &path) {
    return readSpace(dataset, dataset.info.shape, H5S_ALL, H5S_ALL, path);
}

Result<std::vector<Hdf5File::Entry>> listChildren(hid_t file, const std::string &group) {
    QS_TRY(const Hdf5Handle handle, openObject(file, group));
    H5G_info_t info;
    if (H5Iget_type(handle.get()) != H5I_GROUP)
        return fail(ErrorCode::NotFound, "is not a group", group);
    if (H5Gget_info(handle.get(), &info) < 0)
        return hdf5Corrupt(hdf5Reason(), group);
    if (info.nlinks > kHdf5MaxObjects)
        return hdf5Corrupt(fmt::format("claims {} objects", info.nlinks), group);
    ChildList list;
    hsize_t next = 0;
    if (H5Literate(handle.get(), H5_INDEX_NAME, H5_ITER_INC, &next, collectChild, &list) < 0)
        return hdf5Corrupt(hdf5Reason(), group);
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
    const Hdf5Handle fileSpace(H5Dget_space(opened.handle.get()), H5Sclose);
    const Hdf5Handle memorySpace(H5Screate_simple(shape.rank(), count.data(), nullptr), H5Sclose);
    if (!fileSpace || !memorySpace)
        return hdf5Corrupt(hdf5Reason(), path);
    if (shape.numel() > 0 && H5Sselect_hyperslab(fileSpace.get(), H5S_SELECT_SET, start.data(), nullptr,
                                                 count.data(), nullptr) < 0)
        return hdf5Corrupt(hdf5Reason(), path);
    return readSpace(opened, shape, memorySpace.get(), fileSpace.get(), path);
}

} // namespace qs
