#include "core/io/hdf5_library.h"

#include <array>

namespace qs {
namespace {

herr_t keepFirstDescription(unsigned, const H5E_error2_t *error, void *text) {
    auto &kept = *static_cast<std::string *>(text);
    if (kept.empty() && error->desc)
        kept = error->desc;
    return 0;
}

/// A 16-bit floating-point type with the given exponent and mantissa widths.
Hdf5Handle float16Type(std::size_t exponentBits, H5T_order_t order) {
    const std::size_t mantissaBits = 15 - exponentBits;
    Hdf5Handle type(H5Tcopy(H5T_IEEE_F32LE), H5Tclose);
    H5Tset_fields(type.get(), 15, mantissaBits, exponentBits, 0, mantissaBits);
    H5Tset_size(type.get(), 2);
    H5Tset_ebias(type.get(), (std::size_t(1) << (exponentBits - 1)) - 1);
    H5Tset_order(type.get(), order);
    return type;
}

/// A boolean as h5py writes it: an 8-bit enumeration FALSE = 0, TRUE = 1.
bool isBoolEnum(hid_t type) {
    std::int8_t no = -1, yes = -1;
    return H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2 && H5Tenum_valueof(type, "FALSE", &no) >= 0 &&
           H5Tenum_valueof(type, "TRUE", &yes) >= 0 && no == 0 && yes == 1;
}

} // namespace

std::mutex &hdf5Mutex() {
    static std::mutex mutex;
    return mutex;
}

std::string hdf5Reason(const char *otherwise) {
    std::string reason;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keepFirstDescription, &reason);
    H5Eclear2(H5E_DEFAULT);
    return reason.empty() ? std::string(otherwise) : "the HDF5 library says: " + reason;
}

tl::unexpected<Error> hdf5Corrupt(const std::string &what, const std::string &where) {
    return fail(ErrorCode::CorruptFile, what + ". The file may be damaged; write it again", where);
}

Hdf5ElementType hdf5ElementType(hid_t stored) {
    if (H5Tget_class(stored) == H5T_ENUM && isBoolEnum(stored))
        return {DType::Bool, Hdf5Handle(H5Tcopy(stored), H5Tclose)};
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
            return {type.dtype, Hdf5Handle(H5Tcopy(type.little), H5Tclose)};
    for (const auto &[dtype, exponentBits] : {std::pair(DType::Float16, 5), std::pair(DType::BFloat16, 8)}) {
        Hdf5Handle little = float16Type(static_cast<std::size_t>(exponentBits), H5T_ORDER_LE);
        const Hdf5Handle big = float16Type(static_cast<std::size_t>(exponentBits), H5T_ORDER_BE);
        if (H5Tequal(stored, little.get()) > 0 || H5Tequal(stored, big.get()) > 0)
            return {dtype, std::move(little)};
    }
    return {};
}

} // namespace qs
