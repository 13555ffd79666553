#pragma once

#include "core/io/hdf5_file.h"
#include "core/io/hdf5_library.h"

namespace qs {

// Reading an open file, every link and size checked. Callers hold hdf5Mutex().

constexpr int kHdf5MaxDepth = 32;
constexpr hsize_t kHdf5MaxObjects = 65536;

/// Opens a group or data set by walking its path link by link; only hard links are followed.
Result<Hdf5Handle> openObject(hid_t file, const std::string &path);

/// Reads a text attribute of an open object; NotFound when there is none.
Result<std::string> attributeText(hid_t object, const std::string &name, const std::string &where);

/// Reads a single integer, or a text of digits; NotFound when there is none.
Result<std::int64_t> attributeInteger(hid_t object, const std::string &name, const std::string &where);

/// A data set that passed all checks.
struct OpenDataset {
    Hdf5Handle handle;
    Hdf5ElementType element;
    Hdf5File::Dataset info;
};
Result<OpenDataset> openDataset(hid_t file, const std::string &path);

/// The whole data set.
Result<Tensor> readAll(const OpenDataset &dataset, const std::string &path);
Result<Tensor> readRowsOf(const OpenDataset &dataset, const std::string &path, std::int64_t begin,
                          std::int64_t end);
Result<std::vector<Hdf5File::Entry>> listChildren(hid_t file, const std::string &group);

} // namespace qs
