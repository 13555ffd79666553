#include "tests/fuzz/hdf5_forge.h"

#include "core/io/hdf5_library.h"

#include <array>
#include <fuzzer/FuzzedDataProvider.h>
#include <string>
#include <vector>

namespace qs::fuzz {
namespace {

constexpr std::array<const char *, 36> kNames{
    "inputs",      "calibration",   "labels",
    "activations", "000000",        "000001",
    "x",           "input",         "layers",
    "dense",       "vars",          "0",
    "1",           "kernel:0",      "bias:0",
    "embeddings",  "model_weights", "optimizer_weights",
    "depthwise",   "capture",       "head",
    "sample",      "histogram",     "channel_min",
    "channel_max", "channel_sum",   "codes",
    "scales",      "zero_points",   "levels",
    "kept_values", "kept_rows",     "kept_cols",
    "branch_down", "branch_up",     "_layer_checkpoint_dependencies"};
constexpr std::array<const char *, 16> kAttributes{
    "onnx_name",         "channel_axis",  "logical_dtype", "samples", "seen",
    "keras_version",     "node_name",     "tensor_name",   "op_type", "role",
    "model_name",        "torch_version", "backend",       "origin",  "x",
    "quantoscope_origin"};
constexpr std::array<const char *, 14> kTexts{
    "output", "bfloat16", "bool",   "float8_e4m3fn",       "float16",
    "-1",     "1",        "0",      "9223372036854775807", "-9223372036854775808",
    "x",      "",         "2.11.0", "99999999999999999999"};
constexpr std::array<hsize_t, 14> kDims{
    0, 1, 2, 3, 4, 6, 7, 8, 64, 1000, 1 << 20, hsize_t(1) << 33, hsize_t(1) << 62, H5S_UNLIMITED};
constexpr hsize_t kMostWritten = 4096; ///< bytes of data; what is larger stays unwritten

Hdf5Handle compound() {
    Hdf5Handle type(H5Tcreate(H5T_COMPOUND, 8), H5Tclose);
    H5Tinsert(type.get(), "a", 0, H5T_STD_I32LE);
    return type;
}

Hdf5Handle boolean(bool real) {
    Hdf5Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
    std::int8_t no = 0, yes = real ? 1 : 2;
    H5Tenum_insert(type.get(), "FALSE", &no);
    H5Tenum_insert(type.get(), "TRUE", &yes);
    return type;
}

Hdf5Handle text(std::size_t size) {
    Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type.get(), size);
    return type;
}

Hdf5Handle elementType(FuzzedDataProvider &input) {
    const std::array<hid_t, 14> plain{H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_U8LE,   H5T_STD_I64LE,
                                      H5T_STD_I32LE,  H5T_STD_I8LE,   H5T_STD_I16LE,  H5T_STD_U16LE,
                                      H5T_STD_U32LE,  H5T_STD_U64LE,  H5T_IEEE_F32BE, H5T_STD_I64BE,
                                      H5T_IEEE_F64BE, H5T_STD_U16BE};
    const int choice = input.ConsumeIntegralInRange(0, 19);
    if (choice < 14)
        return Hdf5Handle(H5Tcopy(plain[static_cast<std::size_t>(choice)]), H5Tclose);
    if (choice < 16)
        return boolean(choice == 14);
    return choice == 16 ? compound() : text(choice == 17 ? 5 : choice == 18 ? H5T_VARIABLE : 1);
}

class Forge {
public:
    Forge(hid_t file, FuzzedDataProvider &input) : m_file(file), m_input(input) {}

    void run() {
        for (int i = 0; i < 48 && m_input.remaining_bytes() > 0; ++i)
            step();
    }

private:
    void step() {
        switch (m_input.ConsumeIntegralInRange(0, 9)) {
        case 0:
        case 1:
        case 2:
            return addGroup();
        case 3:
        case 4:
        case 5:
            return addDataset();
        case 6:
        case 7:
        case 8:
            return addAttribute();
        default:
            return addLink();
        }
    }

    const std::string &anyObject() {
        return m_objects[m_input.ConsumeIntegralInRange<std::size_t>(0, m_objects.size() - 1)];
    }
    std::string newPath() {
        const std::string &parent =
            m_groups[m_input.ConsumeIntegralInRange<std::size_t>(0, m_groups.size() - 1)];
        const std::string name = m_input.ConsumeIntegralInRange(0, 15) == 0
                                     ? m_input.ConsumeRandomLengthString(300)
                                     : m_input.PickValueInArray(kNames);
        return parent + "/" + name;
    }

    void addGroup() {
        const std::string path = newPath();
        if (Hdf5Handle(H5Gcreate2(m_file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose)) {
            m_groups.push_back(path);
            m_objects.push_back(path);
        }
    }

    Hdf5Handle space(std::vector<hsize_t> &dims) {
        dims.resize(m_input.ConsumeIntegralInRange<std::size_t>(0, m_input.ConsumeBool() ? 4 : 32));
        for (hsize_t &dim : dims) {
            dim = m_input.PickValueInArray(kDims);
            if (dim == H5S_UNLIMITED)
                dim = m_input.ConsumeIntegral<std::uint64_t>() >> m_input.ConsumeIntegralInRange(1, 63);
        }
        return Hdf5Handle(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), H5Sclose);
    }

    Hdf5Handle layout(const std::vector<hsize_t> &dims) {
        Hdf5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
        if (dims.empty() || m_input.ConsumeBool())
            return properties;
        std::vector<hsize_t> chunk(dims);
        for (hsize_t &size : chunk)
            size = std::max<hsize_t>(1, m_input.ConsumeBool() ? size : m_input.ConsumeIntegralInRange(1, 8));
        H5Pset_chunk(properties.get(), static_cast<int>(chunk.size()), chunk.data());
        // Alone: behind a filter that changes the size, the library's own writer leaves its buffer.
        if (m_input.ConsumeIntegralInRange(0, 7) == 0) {
            H5Pset_scaleoffset(properties.get(), H5Z_SO_INT, 4);
            return properties;
        }
        if (m_input.ConsumeBool())
            H5Pset_shuffle(properties.get());
        if (m_input.ConsumeBool())
            H5Pset_deflate(properties.get(), 1);
        if (m_input.ConsumeBool())
            H5Pset_fletcher32(properties.get());
        return properties;
    }

    void addDataset() {
        const std::string path = newPath();
        const Hdf5Handle type = elementType(m_input);
        std::vector<hsize_t> dims;
        const Hdf5Handle where = space(dims), properties = layout(dims);
        const Hdf5Handle dataset(H5Dcreate2(m_file, path.c_str(), type.get(), where.get(), H5P_DEFAULT,
                                            properties.get(), H5P_DEFAULT),
                                 H5Dclose);
        if (!dataset)
            return;
        m_objects.push_back(path);
        const hssize_t count = H5Sget_simple_extent_npoints(where.get());
        const std::size_t size = H5Tget_size(type.get());
        const bool small =
            count > 0 && static_cast<hsize_t>(count) <= kMostWritten / std::max<std::size_t>(1, size);
        if (!small || H5Tis_variable_str(type.get()) > 0 || m_input.ConsumeBool())
            return;
        std::string data = m_input.ConsumeBytesAsString(static_cast<std::size_t>(count) * size);
        data.resize(static_cast<std::size_t>(count) * size, '\1');
        H5Dwrite(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data());
    }

    void addAttribute() {
        const Hdf5Handle owner(H5Oopen(m_file, anyObject().c_str(), H5P_DEFAULT), H5Oclose);
        const char *name = m_input.PickValueInArray(kAttributes);
        const bool number = m_input.ConsumeIntegralInRange(0, 3) == 0;
        const std::string value =
            m_input.ConsumeBool() ? m_input.PickValueInArray(kTexts) : m_input.ConsumeRandomLengthString(40);
        const Hdf5Handle type = number ? elementType(m_input) : text(value.size() + 1);
        const hsize_t extent = m_input.ConsumeIntegralInRange(0, 3);
        const Hdf5Handle where(extent == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &extent, nullptr),
                               H5Sclose);
        const Hdf5Handle attribute(
            H5Acreate2(owner.get(), name, type.get(), where.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
        if (!attribute || H5Tis_variable_str(type.get()) > 0 || extent == 0)
            return;
        std::string data = number ? m_input.ConsumeBytesAsString(8) : value;
        data.resize(H5Tget_size(type.get()) * extent, '\0');
        H5Awrite(attribute.get(), type.get(), data.data());
    }

    void addLink() {
        const std::string path = newPath();
        switch (m_input.ConsumeIntegralInRange(0, 3)) {
        case 0:
            H5Lcreate_soft(anyObject().c_str(), m_file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT);
            break;
        case 1:
            H5Lcreate_external("other.h5", "/x", m_file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT);
            break;
        default: // also of a group into itself
            H5Lcreate_hard(m_file, anyObject().c_str(), m_file, path.c_str(), H5P_DEFAULT, H5P_DEFAULT);
        }
    }

    hid_t m_file;
    FuzzedDataProvider &m_input;
    std::vector<std::string> m_groups{""}, m_objects{"/"};
};

} // namespace

bool forgeHdf5(const std::filesystem::path &file, std::span<const std::uint8_t> bytes) {
    const std::lock_guard lock(hdf5Mutex());
    H5open();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    Hdf5Handle handle(H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    if (!handle)
        return false;
    FuzzedDataProvider input(bytes.data(), bytes.size());
    Forge(handle.get(), input).run();
    return H5Fclose(handle.release()) >= 0;
}

} // namespace qs::fuzz
