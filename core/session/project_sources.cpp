#include "core/base/content_hash.h"
#include "core/session/project.h"

namespace qs {

Result<SourceState> locateSource(const SourceReference &source, const std::filesystem::path &relative,
                                 const std::filesystem::path &projectFile, const RunContext &ctx) {
    SourceState state;
    for (const std::filesystem::path &candidate :
         {source.file, relative.empty() ? relative : projectFile.parent_path() / relative}) {
        std::error_code ignored;
        if (candidate.empty() || !std::filesystem::is_regular_file(candidate, ignored))
            continue;
        QS_TRY(const std::string hash, sha256OfFile(candidate, ctx));
        if (hash == source.sha256)
            return SourceState{SourceState::Kind::Found, candidate.lexically_normal()};
        if (state.kind == SourceState::Kind::Missing)
            state = {SourceState::Kind::Changed, candidate.lexically_normal()};
    }
    return state;
}

} // namespace qs
