#include "core/quant/method_chain.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace qs {
namespace {

std::vector<std::string> split(const std::string &chain) {
    std::vector<std::string> ids;
    for (std::size_t begin = 0; begin <= chain.size();) {
        const std::size_t end = std::min(chain.find('+', begin), chain.size());
        ids.push_back(chain.substr(begin, end - begin));
        begin = end + 1;
    }
    return ids;
}

/// Reads a chain id by id. A new kind of method is one case in add().
class ChainReader {
public:
    ChainReader(std::string chain, const MethodRegistry &methods)
        : m_chain(std::move(chain)), m_methods(methods) {}

    Status add(const std::string &id) {
        if (const auto correction = std::ranges::find(corrections(), id, &CorrectionInfo::id);
            correction != corrections().end()) {
            m_weight.corrections.insert(correction->kind);
            return {};
        }
        const MethodInfo *info = m_methods.info(id);
        if (!info)
            return fail(unknownMethod(id, m_methods).withContext(m_chain));
        switch (info->kind) {
        case MethodKind::Transform:
            m_transforms.push_back({".*", {id, nlohmann::json::object()}});
            return {};
        case MethodKind::Branch:
            if (m_weight.branch)
                return twice(m_weight.branch->method, id);
            m_weight.branch = MethodChoice{id, nlohmann::json::object()};
            return {};
        default:
            if (m_hasQuantizer)
                return twice(m_weight.method, id);
            m_weight.method = id;
            m_hasQuantizer = true;
            return {};
        }
    }

    Recipe recipe(const WeightGridScheme &scheme, const std::optional<ActivationChoice> &activations) {
        m_weight.scheme = scheme;
        Recipe recipe = uniformRecipe("chain", m_weight, activations);
        recipe.transforms = m_transforms;
        recipe.name = suggestedName(recipe);
        return recipe;
    }

private:
    Status twice(const std::string &first, const std::string &second) const {
        return fail(ErrorCode::InvalidArgument,
                    fmt::format("'{}' and '{}' do the same step: name one of them", first, second), m_chain);
    }

    std::string m_chain;
    const MethodRegistry &m_methods;
    std::vector<TransformStep> m_transforms;
    WeightChoice m_weight;
    bool m_hasQuantizer = false;
};

} // namespace

Result<Recipe> chainRecipe(const std::string &chain, const WeightGridScheme &scheme,
                           const std::optional<ActivationChoice> &activations,
                           const MethodRegistry &methods) {
    ChainReader reader(chain, methods);
    for (const std::string &id : split(chain))
        QS_CHECK_OK(reader.add(id));
    return reader.recipe(scheme, activations);
}

Error unknownMethod(const std::string &id, const MethodRegistry &methods) {
    std::map<MethodKind, std::string> known;
    for (const MethodInfo *info : methods.infos()) {
        std::string &list = known[info->kind];
        list += (list.empty() ? "" : ", ") + info->id;
    }
    std::string text = fmt::format("there is no method '{}'. There are: ", id);
    for (const auto &[kind, list] : known)
        text += fmt::format("{}: {}; ", methodKindName(kind), list);
    text += "correction: ";
    for (const CorrectionInfo &correction : corrections())
        text += fmt::format("{}{}", correction.kind == corrections().front().kind ? "" : ", ", correction.id);
    return {ErrorCode::InvalidArgument, text + ".", {}};
}

Recipe withMethod(Recipe recipe, const MethodInfo &info) {
    if (info.kind == MethodKind::Transform) {
        recipe.transforms.push_back({".*", {info.id, nlohmann::json::object()}});
        return recipe;
    }
    const auto choosesWeights = [](const RecipeRule &rule) { return rule.choice.weight.has_value(); };
    if (std::none_of(recipe.rules.begin(), recipe.rules.end(), choosesWeights))
        recipe.rules.push_back({".*", {WeightChoice{}, {}}});
    for (RecipeRule &rule : recipe.rules) {
        auto &weight = rule.choice.weight;
        if (!weight)
            continue;
        if (info.kind == MethodKind::Branch) {
            weight->branch = MethodChoice{info.id, nlohmann::json::object()};
        } else if (weight->method != info.id) {
            weight->method = info.id;
            weight->parameters = nlohmann::json::object();
        }
    }
    return recipe;
}

} // namespace qs
