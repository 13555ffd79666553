#include "core/io/importers/gguf_files.h"

#include "core/tensor/blocks/block_type.h"

#include <fmt/format.h>

namespace qs {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostParts = 99999; // numbers have five digits

Result<GgufFile> openPart(const fs::path &path, FindingList &findings) {
    QS_TRY(auto file, MappedFile::open(path));
    QS_TRY(GgufHeader header, readGgufHeader(file->bytes(), findings));
    return GgufFile{std::move(file), std::move(header)};
}

std::int64_t partCount(const GgufHeader &header) {
    const GgufValue *count = header.find("split.count");
    return count ? count->integer().value_or(1) : 1;
}

/// "NAME" of "NAME-00002-of-00003.gguf"; nothing when the file is not named so.
std::optional<std::string> partStem(const fs::path &path, std::int64_t count) {
    const std::string ending = fmt::format("-of-{:05}.gguf", count);
    const std::string name = path.filename().string();
    constexpr std::size_t kNumber = 6; // "-00002"
    if (!name.ends_with(ending) || name.size() <= ending.size() + kNumber)
        return std::nullopt;
    return name.substr(0, name.size() - ending.size() - kNumber);
}

} // namespace

Result<std::vector<GgufFile>> openGgufFiles(const fs::path &file, FindingList &findings,
                                            const RunContext &ctx) {
    std::vector<GgufFile> parts;
    QS_TRY(GgufFile opened, openPart(file, findings));
    const std::int64_t count = partCount(opened.header);
    if (count <= 1) {
        parts.push_back(std::move(opened));
        return parts;
    }
    const auto stem = partStem(file, count);
    if (count > kMostParts || !stem)
        return fail(
            ErrorCode::NotFound,
            fmt::format("is one of {} parts but is not named like one; name them NAME-00001-of-{:05}.gguf "
                        "and so on, in one folder",
                        count, count));
    for (std::int64_t part = 1; part <= count; ++part) {
        ctx.step(part - 1, count, "reading parts");
        if (ctx.cancelled())
            return RunContext::cancelledError();
        const std::string name = fmt::format("{}-{:05}-of-{:05}.gguf", *stem, part, count);
        auto next = openPart(file.parent_path() / name, findings);
        if (!next)
            return fail(std::move(next).error().withContext(fmt::format("part {} of {}", part, count)));
        parts.push_back(std::move(*next));
    }
    return parts;
}

Tensor ggufTensor(const GgufFile &file, const GgufTensor &tensor) {
    if (!blockFormatOf(tensor.dtype))
        return mappedTensor(tensor.dtype, tensor.shape, file.file, tensor.offset);
    return Tensor::wrap(tensor.dtype, tensor.shape, MappedFile::share(file.file, tensor.offset));
}

} // namespace qs
