#include "core/io/importers/npz_archive.h"

#include "core/base/machine_memory.h"
#include "core/io/safe_text.h"
#include "core/tensor/tensor.h"

#include <fmt/format.h>
#include <zip.h>

namespace qs {
namespace {

constexpr std::uint64_t kMostMembers = 1'000'000;
/// Deflate cannot shrink by more than 1032.
constexpr std::uint64_t kMaxExpansion = 1040, kSmall = 1 << 16;
constexpr std::uint64_t kChunk = std::uint64_t(8) << 20; ///< bytes between two looks at cancelled()

tl::unexpected<Error> corrupt(std::string what, const std::string &member = {}) {
    return fail(ErrorCode::CorruptFile, std::move(what) + ". Save or download the archive again", member);
}

using Archive = std::unique_ptr<zip_t, decltype(&zip_discard)>;
using Member = std::unique_ptr<zip_file_t, decltype(&zip_fclose)>;

Result<Archive> openArchive(const std::filesystem::path &file) {
    int code = 0;
    zip_t *opened = zip_open(file.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code);
    if (opened)
        return Archive(opened, zip_discard);
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    return corrupt("is no readable ZIP archive: " + reason);
}

Status checkMember(const zip_stat_t &stat, const std::string &name) {
    constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if ((stat.valid & kNeeded) != kNeeded)
        return corrupt("has no sizes", name);
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE)
        return fail(ErrorCode::Unsupported, "is encrypted. Unpack the archive first", name);
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
        return fail(ErrorCode::Unsupported,
                    "is compressed in another way than numpy does. Unpack the archive first", name);
    if (stat.size > kSmall && stat.size / kMaxExpansion > stat.comp_size)
        return corrupt(fmt::format("claims to expand from {} to {} bytes, which nothing does", stat.comp_size,
                                   stat.size),
                       name);
    return {};
}

/// Checks sizes of all members before any of them is read.
Result<std::vector<zip_stat_t>> readCatalogue(zip_t *archive, std::uint64_t fileSize) {
    const zip_int64_t count = zip_get_num_entries(archive, 0);
    if (count < 0 || static_cast<std::uint64_t>(count) > kMostMembers)
        return corrupt(fmt::format("has {} members", count));
    std::vector<zip_stat_t> members(static_cast<std::size_t>(count));
    std::uint64_t stored = 0, expanded = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
        zip_stat_init(&members[i]);
        if (zip_stat_index(archive, i, 0, &members[i]) != 0)
            return corrupt("has a member that cannot be looked up");
        QS_CHECK_OK(checkMember(members[i], safeName(members[i].name)));
        if (__builtin_add_overflow(stored, members[i].comp_size, &stored) || stored > fileSize)
            return corrupt("has members that overlap each other");
        if (__builtin_add_overflow(expanded, members[i].size, &expanded) ||
            expanded > machineMemoryBytes() / 2)
            return fail(
                ErrorCode::OutOfMemory,
                fmt::format(
                    "expands to {:.1f} GB and more, over half of the memory of this machine. Unpack it "
                    "and open its arrays one by one",
                    static_cast<double>(expanded) / 1e9));
    }
    return members;
}

Result<std::shared_ptr<std::byte>> readMember(zip_t *archive, std::uint64_t index, const zip_stat_t &stat,
                                              const RunContext &ctx) {
    const std::string name = safeName(stat.name);
    const Member member(zip_fopen_index(archive, index, 0), zip_fclose);
    if (!member)
        return corrupt(fmt::format("cannot be read: {}", zip_strerror(archive)), name);
    const Tensor bytes = Tensor::allocate(DType::UInt8, Shape{static_cast<std::int64_t>(stat.size)});
    std::uint64_t done = 0;
    while (done <= stat.size) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        // The last call asks for a byte that must not be there: reading to the end checks the sum.
        std::byte beyond{};
        const bool last = done == stat.size;
        const zip_int64_t got = zip_fread(member.get(), last ? &beyond : bytes.storage().get() + done,
                                          last ? 1 : std::min(kChunk, stat.size - done));
        if (got < 0)
            return corrupt(fmt::format("cannot be read: {}", zip_file_strerror(member.get())), name);
        if (last ? got != 0 : got == 0)
            return corrupt("has another size than its header says", name);
        if (last)
            break;
        done += static_cast<std::uint64_t>(got);
    }
    return bytes.storage();
}

} // namespace

Status readArchive(
    const std::filesystem::path &file, const RunContext &ctx,
    const std::function<Status(const std::string &, const std::shared_ptr<std::byte> &, std::size_t)> &take) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    if (error)
        return fail(ErrorCode::IoError, "cannot be read: " + error.message());
    QS_TRY(const Archive archive, openArchive(file));
    QS_TRY(const std::vector<zip_stat_t> members, readCatalogue(archive.get(), size));
    for (std::size_t i = 0; i < members.size(); ++i) {
        ctx.step(static_cast<std::int64_t>(i), static_cast<std::int64_t>(members.size()), "unpacking arrays");
        QS_TRY(const std::shared_ptr<std::byte> bytes, readMember(archive.get(), i, members[i], ctx));
        QS_CHECK_OK(take(members[i].name, bytes, static_cast<std::size_t>(members[i].size)));
    }
    return {};
}

} // namespace qs
