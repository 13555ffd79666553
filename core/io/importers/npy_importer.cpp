#include "core/io/importers/npy_importer.h"

#include "core/io/file_kind.h"
#include "core/io/importers/npy_array.h"
#include "core/io/importers/npz_archive.h"
#include "core/io/importers/weights_model.h"
#include "core/io/safe_text.h"

#include <fmt/format.h>
#include <new>

namespace qs {
namespace {

namespace fs = std::filesystem;

/// The members that every archive of arrays begins with, as opposed to other ZIP archives.
bool looksLikeNpz(std::span<const std::byte> head) {
    constexpr std::string_view kZip("PK\x03\x04", 4);
    constexpr std::size_t kNameLength = 26, kName = 30;
    const std::string_view text(reinterpret_cast<const char *>(head.data()), head.size());
    if (!text.starts_with(kZip) || text.size() < kName)
        return false;
    const std::size_t length = std::to_integer<std::size_t>(head[kNameLength]) |
                               std::to_integer<std::size_t>(head[kNameLength + 1]) << 8;
    return text.substr(kName, length).ends_with(".npy");
}

void noteVoid(const NpyHeader &header, const std::string &name, FindingList &findings) {
    if (header.fromVoid)
        findings.add(Severity::Info, "has elements of two bytes without a type; they were read as bfloat16",
                     name, "Save it as float32 if they are something else.");
}

Result<std::vector<NamedTensor>> readArray(const fs::path &file, FindingList &findings) {
    QS_TRY(const auto mapped, MappedFile::open(file));
    QS_TRY(const NpyHeader header, readNpyHeader(mapped->bytes()));
    const std::string name = safeName(file.stem().string());
    noteVoid(header, name, findings);
    return std::vector<NamedTensor>{{name, npyTensor(header, MappedFile::share(mapped, 0))}};
}

Result<std::vector<NamedTensor>> readArrays(const fs::path &file, FindingList &findings,
                                            const RunContext &ctx) {
    std::vector<NamedTensor> tensors;
    const auto take = [&](const std::string &member, const std::shared_ptr<std::byte> &bytes,
                          std::size_t size) {
        const std::string name =
            safeName(member.ends_with(".npy") ? member.substr(0, member.size() - 4) : member);
        const auto header = readNpyHeader({bytes.get(), size});
        if (header) {
            noteVoid(*header, name, findings);
            tensors.push_back({name, npyTensor(*header, bytes)});
        } else if (header.error().code == ErrorCode::Unsupported) {
            findings.add(Severity::Warning, header.error().message, name, "It was left out.");
        } else {
            return Status(fail(header.error().withContext(name)));
        }
        return Status();
    };
    QS_CHECK_OK(readArchive(file, ctx, take));
    return tensors;
}

Result<Model> loadModel(const fs::path &file, FindingList &findings, const RunContext &ctx) {
    const bool single = looksLikeNpy(readHead(file));
    QS_TRY(std::vector<NamedTensor> tensors,
           single ? readArray(file, findings) : readArrays(file, findings, ctx));
    return weightsModel(file, "NumPy", std::move(tensors), findings, ctx);
}

} // namespace

int NpyImporter::probe(std::span<const std::byte> head) const {
    return looksLikeNpy(head) || looksLikeNpz(head) ? 95 : 0;
}

Result<Model> NpyImporter::load(const fs::path &file, FindingList &findings, const RunContext &ctx) const {
    return guardedLoad([&] { return loadModel(file, findings, ctx); });
}

} // namespace qs
