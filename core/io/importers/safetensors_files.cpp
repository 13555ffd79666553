#include "core/io/importers/safetensors_files.h"

#include "core/base/json_text.h"
#include "core/io/file_kind.h"
#include "core/io/importers/safetensors_header.h"
#include "core/io/safe_text.h"

#include <fmt/format.h>
#include <set>

namespace qs {
namespace {

namespace fs = std::filesystem;

constexpr const char *kIndexName = "model.safetensors.index.json";
constexpr const char *kSingleName = "model.safetensors";

fs::path folderOf(const fs::path &file) {
    return file.parent_path().empty() ? "." : file.parent_path();
}

tl::unexpected<Error> badIndex(const fs::path &index, const std::string &what) {
    return fail(ErrorCode::CorruptFile, what + ". Download the index and its shards again",
                index.filename().string());
}

/// Whether a name from an index stays in the folder of the index.
bool isPlainFileName(const std::string &name) {
    return !name.empty() && name.size() <= 255 && name != "." && name != ".." &&
           name.find_first_of(std::string("/\\:\0", 4)) == std::string::npos;
}

/// Download caches keep a model as links to files named by their content: snapshots/<revision>/<file> leads
/// to blobs/<hash> of the same cache entry. Links to anywhere else are not followed.
Result<fs::path> resolveShard(const fs::path &folder, const std::string &name) {
    std::error_code error;
    const fs::path file = folder / name;
    const auto status = fs::symlink_status(file, error);
    if (!fs::exists(status))
        return fail(ErrorCode::NotFound, "is missing; put all shards of the model beside its index",
                    safeName(name));
    if (fs::is_regular_file(status))
        return file;
    const fs::path target = fs::canonical(file, error), home = fs::canonical(folder, error);
    const bool inside = !error && (target.parent_path() == home ||
                                   target.parent_path() == home.parent_path().parent_path() / "blobs");
    if (!fs::is_symlink(status) || !inside || !fs::is_regular_file(target, error))
        return fail(ErrorCode::CorruptFile,
                    "is no file but a link that leaves the folder of the model; copy the file to its place",
                    safeName(name));
    return target;
}

/// \param parsed  {"metadata": …, "weight_map": {tensor: file}}
Result<SafetensorsFiles> filesOfIndex(const fs::path &index, const nlohmann::json &parsed) {
    const auto map = parsed.is_object() ? parsed.find("weight_map") : parsed.end();
    if (!parsed.is_object() || map == parsed.end() || !map->is_object() || map->empty())
        return badIndex(index, "has no weight_map");
    SafetensorsFiles files{folderOf(index), index, {}, {}};
    std::map<std::string, std::size_t> known;
    for (const auto &[tensor, file] : map->items()) {
        if (!file.is_string() || !isPlainFileName(file.get<std::string>()))
            return badIndex(index, fmt::format("names a file for tensor '{}' that is no plain file name",
                                               safeName(tensor)));
        const auto [place, inserted] = known.try_emplace(file.get<std::string>(), files.shards.size());
        if (inserted) {
            QS_TRY(fs::path resolved, resolveShard(files.folder, place->first));
            files.shards.push_back(std::move(resolved));
        }
        files.shardOf[tensor] = place->second;
    }
    return files;
}

Result<SafetensorsFiles> readIndex(const fs::path &index) {
    QS_TRY(const nlohmann::json parsed, readJsonFile(index));
    return filesOfIndex(index, parsed);
}

/// The index of a folder, or nothing.
std::optional<fs::path> indexIn(const fs::path &folder) {
    std::error_code error;
    const fs::path usual = folder / kIndexName;
    if (fs::is_regular_file(usual, error))
        return usual;
    return std::nullopt;
}

Result<SafetensorsFiles> findInFolder(const fs::path &folder) {
    std::error_code error;
    if (fs::is_regular_file(folder / kSingleName, error))
        return SafetensorsFiles{folder, {}, {folder / kSingleName}, {}};
    if (const auto index = indexIn(folder))
        return readIndex(*index);
    std::vector<fs::path> found;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
        if (entry->path().extension() == ".safetensors" && entry->is_regular_file(error))
            found.push_back(entry->path());
    if (found.size() == 1)
        return SafetensorsFiles{folder, {}, found, {}};
    return fail(ErrorCode::NotFound,
                found.empty()
                    ? "is a folder without a model: there is no .safetensors file in it. Name the model "
                      "file, or download the weights"
                    : fmt::format("is a folder with {} .safetensors files and no {}. Name one of them",
                                  found.size(), kIndexName),
                folder.string());
}

/// The tensors of one shard, as its header describes them.
class ShardReader {
public:
    ShardReader(std::vector<NamedTensor> &tensors, FindingList &findings)
        : m_tensors(tensors), m_findings(findings) {}

    /// \param files  without an index every tensor is taken
    Status read(const SafetensorsFiles &files, std::size_t shard) {
        const fs::path &path = files.shards[shard];
        QS_TRY(const auto file, MappedFile::open(path));
        auto header = readSafetensorsHeader(file->bytes());
        if (!header)
            return fail(std::move(header).error().withContext(path.filename().string()));
        std::size_t ignored = 0;
        for (const SafetensorsEntry &entry : header->tensors) {
            const auto place = files.shardOf.find(entry.name);
            if (!files.index.empty() && (place == files.shardOf.end() || place->second != shard))
                ++ignored;
            else
                take(entry, file);
        }
        if (ignored > 0)
            m_findings.add(
                Severity::Warning,
                fmt::format("{} tensors of a shard are not in the index and were left out", ignored),
                path.filename().string(), "Download the index and its shards again if something is missing.");
        return {};
    }

    /// Tensors that the index names and no shard has.
    Status checkComplete(const SafetensorsFiles &files) const {
        for (const auto &[name, shard] : files.shardOf)
            if (!m_names.contains(name))
                return fail(
                    ErrorCode::NotFound,
                    fmt::format("tensor '{}' is missing, which the index promises here. Download the shard "
                                "again",
                                safeName(name)),
                    files.shards[shard].filename().string());
        return {};
    }

    void reportUndecoded(const std::string &where) const {
        for (const auto &[type, tensors] : m_undecoded)
            m_findings.add(
                Severity::Warning,
                fmt::format("{} tensors of type {} cannot be decoded here and were left out, first '{}'",
                            tensors.size(), type, tensors.front()),
                where, "Save them in another type to see them.");
    }

private:
    void take(const SafetensorsEntry &entry, const std::shared_ptr<const MappedFile> &file) {
        m_names.insert(entry.name);
        if (entry.dtype == DType::Undefined) {
            m_undecoded[safeName(entry.typeName)].push_back(safeName(entry.name) + " " + entry.shape.text());
            return;
        }
        m_tensors.push_back({safeName(entry.name), mappedTensor(entry.dtype, entry.shape, file,
                                                                static_cast<std::size_t>(entry.begin))});
    }

    std::vector<NamedTensor> &m_tensors;
    FindingList &m_findings;
    std::set<std::string> m_names;
    std::map<std::string, std::vector<std::string>> m_undecoded; ///< tensors by type
};

} // namespace

bool looksLikeSafetensorsIndex(std::string_view head) {
    const std::size_t first = head.find_first_not_of(" \t\r\n");
    return first != std::string_view::npos && head[first] == '{' &&
           head.find("\"weight_map\"") != std::string_view::npos;
}

Result<SafetensorsFiles> findSafetensors(const fs::path &path) {
    std::error_code error;
    if (fs::is_directory(path, error))
        return findInFolder(path);
    const fs::path folder = folderOf(path);
    const std::vector<std::byte> head = readHead(path);
    if (!looksLikeSafetensors(head)) {
        const std::string_view text(reinterpret_cast<const char *>(head.data()), head.size());
        return looksLikeSafetensorsIndex(text) ? readIndex(path) : findInFolder(folder);
    }
    if (const auto index = indexIn(folder)) {
        const auto isPath = [&](const fs::path &shard) {
            return fs::equivalent(shard, path, error) && !error;
        };
        auto files = readIndex(*index);
        if (files && std::any_of(files->shards.begin(), files->shards.end(), isPath))
            return files;
    }
    return SafetensorsFiles{folder, {}, {path}, {}};
}

Result<std::vector<NamedTensor>> readSafetensors(const SafetensorsFiles &files, FindingList &findings,
                                                 const RunContext &ctx) {
    std::vector<NamedTensor> tensors;
    ShardReader reader(tensors, findings);
    for (std::size_t shard = 0; shard < files.shards.size(); ++shard) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        ctx.step(static_cast<std::int64_t>(shard), static_cast<std::int64_t>(files.shards.size()),
                 "reading headers");
        QS_CHECK_OK(reader.read(files, shard));
    }
    QS_CHECK_OK(reader.checkComplete(files));
    reader.reportUndecoded(files.folder.filename().string());
    return tensors;
}

} // namespace qs
