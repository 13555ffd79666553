#include "core/io/model_difference.h"

#include "core/base/atomic_file.h"
#include "core/base/content_hash.h"
#include "core/base/json_text.h"
#include "core/graph/name_match.h"
#include "core/graph/weights_only.h"
#include "core/io/checkpoint_weights.h"
#include "core/io/file_kind.h"
#include "core/io/safe_text.h"
#include "core/tensor/convert.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace qs {
namespace {

namespace fs = std::filesystem;

constexpr const char *kKey = "quantoscope_difference";

/// For every name the index of the one that it agrees with; -1 where there is none, or more than one.
/// Names that differ are compared each with each, which takes long when there are many.
Result<std::vector<int>> partners(const std::vector<std::string> &names,
                                  const std::vector<std::string> &others, const RunContext &ctx) {
    std::map<std::string, int> exact;
    std::vector<NameParts> otherParts;
    for (std::size_t i = 0; i < others.size(); ++i) {
        exact.emplace(others[i], static_cast<int>(i));
        otherParts.push_back(nameParts(others[i]));
    }
    std::vector<int> found(names.size(), -1);
    std::vector<int> uses(others.size(), 0);
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (ctx.cancelled())
            return RunContext::cancelledError();
        if (const auto same = exact.find(names[i]); same != exact.end()) {
            found[i] = same->second;
            ++uses[static_cast<std::size_t>(same->second)];
            continue;
        }
        const NameParts parts = nameParts(names[i]);
        int best = 0, count = 0;
        for (std::size_t j = 0; j < others.size(); ++j) {
            const int agreement = nameAgreement(parts, otherParts[j]);
            count = agreement > best ? 1 : count + (agreement == best && best > 0);
            if (agreement > best) {
                best = agreement;
                found[i] = static_cast<int>(j);
            }
        }
        if (count > 1)
            found[i] = -1;
        else if (found[i] >= 0)
            ++uses[static_cast<std::size_t>(found[i])];
    }
    for (int &partner : found)
        if (partner >= 0 && uses[static_cast<std::size_t>(partner)] > 1)
            partner = -1;
    return found;
}

class Subtraction {
public:
    Subtraction(const CheckpointPair &pair, FindingList &findings, const RunContext &ctx)
        : m_pair(pair), m_findings(findings), m_ctx(ctx),
          m_builder(fmt::format("{} minus {}", nameOf(pair.tuned), nameOf(pair.base))) {}

    Result<ModelGraph> run() {
        QS_TRY(m_base, readCheckpoint(m_pair.base, m_findings, m_ctx));
        QS_TRY(m_tuned, readCheckpoint(m_pair.tuned, m_findings, m_ctx));
        QS_CHECK_OK(subtractMatrices());
        if (m_layers == 0)
            return fail(
                ErrorCode::InvalidArgument,
                fmt::format("no weight has the same name and shape in {} ({}) and in {} ({}). Choose two "
                            "checkpoints of one network",
                            nameOf(m_pair.base), someNames(layerNames(m_base), 3), nameOf(m_pair.tuned),
                            someNames(layerNames(m_tuned), 3)));
        QS_CHECK_OK(subtractOthers());
        return std::move(m_builder).finish();
    }

private:
    static std::string nameOf(const fs::path &path) { return path.filename().string(); }
    static std::vector<std::string> layerNames(const CheckpointWeights &weights) {
        std::vector<std::string> names;
        for (const CheckpointMatrix &matrix : weights.matrices)
            names.push_back(matrix.layer);
        return names;
    }

    Status subtractMatrices() {
        QS_TRY(const auto found, partners(layerNames(m_tuned), layerNames(m_base), m_ctx));
        std::vector<std::string> alone;
        std::vector<bool> used(m_base.matrices.size(), false);
        for (std::size_t i = 0; i < found.size(); ++i) {
            const CheckpointMatrix &tuned = m_tuned.matrices[i];
            if (found[i] < 0) {
                alone.push_back(tuned.layer);
                continue;
            }
            const CheckpointMatrix &base = m_base.matrices[static_cast<std::size_t>(found[i])];
            used[static_cast<std::size_t>(found[i])] = true;
            if (tuned.rows != base.rows || tuned.cols != base.cols) {
                m_findings.add(Severity::Warning,
                               fmt::format("The shape is [{}, {}] in {} and [{}, {}] in {}: left out",
                                           tuned.rows, tuned.cols, nameOf(m_pair.tuned), base.rows, base.cols,
                                           nameOf(m_pair.base)),
                               tuned.layer);
                continue;
            }
            QS_CHECK_OK(
                m_builder.addDifference(tuned.layer, tuned.tensor, tuned.kind, {tuned.stored, base.stored}));
            ++m_layers;
        }
        reportAlone(alone, m_pair.tuned);
        alone.clear();
        for (std::size_t i = 0; i < used.size(); ++i)
            if (!used[i])
                alone.push_back(m_base.matrices[i].layer);
        reportAlone(alone, m_pair.base);
        return {};
    }

    void reportAlone(const std::vector<std::string> &names, const fs::path &file) {
        if (!names.empty())
            m_findings.add(
                Severity::Warning,
                fmt::format("{} weights are only here, and left out: {}", names.size(), someNames(names)),
                nameOf(file));
    }

    /// Biases and gains are small: they are subtracted at once.
    Status subtractOthers() {
        std::map<std::string, const Tensor *> base;
        for (const NamedTensor &named : m_base.others)
            base.emplace(named.name, &named.tensor);
        std::vector<std::string> odd;
        for (const NamedTensor &named : m_tuned.others) {
            const auto other = base.find(named.name);
            if (other == base.end() || other->second->shape() != named.tensor.shape()) {
                odd.push_back(named.name);
                continue;
            }
            QS_TRY(const Tensor tuned, toFloat32(named.tensor));
            QS_TRY(const Tensor before, toFloat32(*other->second));
            Tensor delta = Tensor::allocate(DType::Float32, tuned.shape());
            std::ranges::transform(tuned.values<float>(), before.values<float>(),
                                   delta.mutableValues<float>().begin(), std::minus<>());
            QS_CHECK_OK(m_builder.add(named.name, std::move(delta)));
        }
        if (!odd.empty())
            m_findings.add(Severity::Info,
                           fmt::format("{} biases or other tensors have no partner of their shape in {}: {}",
                                       odd.size(), nameOf(m_pair.base), someNames(odd)),
                           nameOf(m_pair.tuned));
        return {};
    }

    const CheckpointPair &m_pair;
    FindingList &m_findings;
    const RunContext &m_ctx;
    CheckpointWeights m_base, m_tuned;
    WeightsOnlyBuilder m_builder;
    int m_layers = 0;
};

/// As it is stored: relative when the checkpoint lies beside or below the file, so that folders can move.
std::string storedPath(const fs::path &checkpoint, const fs::path &file) {
    const fs::path whole = fs::weakly_canonical(fs::absolute(checkpoint)),
                   folder = fs::weakly_canonical(fs::absolute(file)).parent_path();
    const fs::path relative = whole.lexically_relative(folder);
    return (relative.empty() || *relative.begin() == ".." ? whole : relative).string();
}

} // namespace

Result<Model> differenceModel(const fs::path &file, const CheckpointPair &pair, FindingList &findings,
                              const RunContext &ctx) {
    Model model;
    model.file = file;
    model.format = "Difference";
    std::string hashes;
    for (const auto &[role, path] : {std::pair{"tuned", pair.tuned}, std::pair{"base", pair.base}}) {
        QS_TRY(const std::string hash, sourceHash(path, ctx));
        model.metadata.push_back({fmt::format("difference.{}", role), "string", path.string()});
        model.metadata.push_back({fmt::format("difference.{}.sha256", role), "string", hash});
        hashes += hash;
    }
    model.sha256 = sha256(std::as_bytes(std::span(hashes)));
    QS_TRY(model.graph, Subtraction(pair, findings, ctx).run());
    model.layers = findLayers(model.graph);
    findings.add(Severity::Info,
                 fmt::format("Every weight is that of {} minus that of {}. Nothing that runs the model can.",
                             pair.tuned.filename().string(), pair.base.filename().string()),
                 file.filename().string());
    return model;
}

Status writeDifferenceFile(const fs::path &file, const CheckpointPair &pair, const RunContext &ctx) {
    nlohmann::ordered_json document{{kKey, 1}};
    for (const auto &[role, path] : {std::pair{"base", pair.base}, std::pair{"tuned", pair.tuned}}) {
        std::error_code error;
        if (!fs::exists(path, error))
            return fail(ErrorCode::NotFound, "there is no such file; check its path", path.string());
        QS_TRY(const std::string hash, sourceHash(path, ctx));
        document[role] = {{"file", storedPath(path, file)}, {"sha256", hash}};
    }
    return writeFileAtomically(file, jsonText(document));
}

Result<CheckpointPair> readDifferenceFile(const fs::path &file, FindingList &findings,
                                          const RunContext &ctx) {
    QS_TRY(const nlohmann::json document, readJsonFile(file));
    CheckpointPair pair;
    for (const auto &[role, path] : {std::pair{"base", &pair.base}, std::pair{"tuned", &pair.tuned}}) {
        const auto entry = document.is_object() ? document.find(role) : document.end();
        const bool valid = entry != document.end() && entry->is_object() && entry->contains("file") &&
                           entry->at("file").is_string() && !entry->at("file").get<std::string>().empty();
        if (!valid)
            return fail(ErrorCode::CorruptFile,
                        fmt::format("names no '{}' checkpoint; make the difference again", role),
                        file.filename().string());
        const auto stored = entry->at("file").get<std::string>();
        *path = file.parent_path() / fs::path(stored);
        std::error_code error;
        const auto kind = fs::status(*path, error).type();
        const bool isNoPath = kind == fs::file_type::none || stored.find('\0') != std::string::npos;
        if (kind == fs::file_type::not_found || isNoPath)
            return fail(
                ErrorCode::NotFound,
                fmt::format("its {} checkpoint {} is not there. Put it back, or make the difference again",
                            role, safeName(path->string())),
                file.filename().string());
        if (kind != fs::file_type::regular && kind != fs::file_type::directory) // pipes and devices never end
            return fail(ErrorCode::Unsupported,
                        fmt::format("its {} checkpoint {} is neither a file nor a folder", role,
                                    safeName(path->string())),
                        file.filename().string());
        const auto head = readHead(*path);
        if (looksLikeDifference({reinterpret_cast<const char *>(head.data()), head.size()}))
            return fail(ErrorCode::Unsupported, "is a difference of a difference; choose checkpoints",
                        file.filename().string());
        QS_TRY(const std::string hash, sourceHash(*path, ctx));
        if (entry->value("sha256", nlohmann::json(hash)) != hash)
            findings.add(Severity::Warning,
                         fmt::format("The {} checkpoint has changed since the difference was made", role),
                         path->string(), "Its present weights are shown.");
    }
    return pair;
}

bool looksLikeDifference(std::string_view head) {
    return head.starts_with('{') && head.find(kKey) != std::string_view::npos;
}

} // namespace qs
