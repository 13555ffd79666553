#include "core/base/content_hash.h"
#include "core/session/project.h"

namespace qs {

Result<SourceState> locateSource(const SourceReference &source, const std::filesystem::path &relative,
                                 const std::filesystem::path &projectFile, const RunContext &ctx) {
    SourceState state;
    for (const std::filesystem::path &candidate :
         {source.file, relative.empty() ? relative : projectFile.parent_path() / relative}) {
        std::error_code ignored;
        const auto kind = std::filesystem::status(candidate, ignored).type();
        using Type = std::filesystem::file_type;
        if (candidate.empty() || (kind != Type::regular && kind != Type::directory))
            continue;
        QS_TRY(const std::string hash, sourceHash(candidate, ctx));
        if (hash == source.sha256)
            return SourceState{SourceState::Kind::Found, candidate.lexically_normal()};
        if (state.kind == SourceState::Kind::Missing)
            state = {SourceState::Kind::Changed, candidate.lexically_normal()};
    }
    return state;
}

} // namespace qs
