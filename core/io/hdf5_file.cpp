#include "core/io/hdf5_file.h"

#include "core/io/file_kind.h"
#include "core/io/hdf5_reading.h"
#include "core/io/isolated_call.h"

#include <set>

namespace qs {
namespace {

constexpr int kTrialSeconds = 5;
constexpr std::int64_t kTrialBytes = std::int64_t(64) << 20;

bool isOfType(hid_t file, const std::string &path, H5I_type_t type) {
    const auto object = openObject(file, path);
    return object && H5Iget_type(object->get()) == type;
}

Hdf5Handle openFile(const std::filesystem::path &file) {
    const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
    H5Pset_file_locking(access.get(), true, true); // network file systems without locks are read all the same
    return Hdf5Handle(H5Fopen(file.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
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
            tryObject("", {"", true, 0}, 0);
    }

private:
    void tryObject(const std::string &path, const Hdf5File::Entry &entry, int depth) {
        if (depth > kHdf5MaxDepth || ++m_objects > kHdf5MaxObjects || !m_tried.insert(entry.address).second)
            return;
        tryAttributes(path);
        if (!entry.isGroup)
            return tryDataset(path);
        if (const auto children = listChildren(m_file.get(), path))
            for (const auto &child : *children)
                tryObject(path + "/" + child.name, child, depth + 1);
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
            (void)readAll(*dataset, path);
        } else if (rowBytes < kTrialBytes) {
            (void)readRowsOf(*dataset, path, 0, 1);
            (void)readRowsOf(*dataset, path, rows - 1, rows);
        }
    }

    Hdf5Handle m_file;
    hsize_t m_objects = 0;
    std::set<std::uint64_t> m_tried; ///< addresses
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
    Hdf5Handle handle = openFile(file);
    if (!handle)
        return hdf5Corrupt(hdf5Reason(), file.string());
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
    return readAll(opened, path);
}

Result<Tensor> Hdf5File::readRows(const std::string &path, std::int64_t begin, std::int64_t end) const {
    const std::lock_guard lock(hdf5Mutex());
    QS_TRY(const OpenDataset opened, openDataset(m_id, path));
    return readRowsOf(opened, path, begin, end);
}

Result<std::string> Hdf5File::textAttribute(const std::string &object, const std::string &name) const {
    const std::lock_guard lock(hdf5Mutex());
    QS_TRY(const Hdf5Handle handle, openObject(m_id, object));
    return attributeText(handle.get(), name, object);
}

Result<std::int64_t> Hdf5File::integerAttribute(const std::string &object, const std::string &name) const {
    const std::lock_guard lock(hdf5Mutex());
    QS_TRY(const Hdf5Handle handle, openObject(m_id, object));
    return attributeInteger(handle.get(), name, object);
}

} // namespace qs
