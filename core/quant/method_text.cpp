#include "core/quant/method_text.h"

#include "core/base/number_text.h"
#include "core/quant/method_taxonomy.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sstream>

namespace qs {
namespace {

std::string lowered(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

std::string joined(const std::vector<std::string> &texts) {
    return fmt::format("{}", fmt::join(texts, ", "));
}

} // namespace

std::string methodStatusMeaning(MethodStatus status) {
    switch (status) {
    case MethodStatus::ReferenceChecked:
        return "checked against numbers of the authors' code or formulas";
    case MethodStatus::PaperFormula:
        return "follows the paper's formulas; there is no reference code to check with";
    case MethodStatus::Experimental:
        return "not checked against anything";
    }
    return {};
}

std::string methodNeeds(const MethodInfo &info) {
    std::vector<std::string> needs;
    if (info.needsHessian)
        needs.push_back("Hessian of the inputs");
    if (info.needsInputs)
        needs.push_back("inputs of the layer");
    return needs.empty() ? "only weights" : "a calibration set (" + joined(needs) + ")";
}

std::vector<std::pair<std::string, std::string>> methodFacts(const MethodInfo &info) {
    const Taxonomy taxonomy = taxonomyOf(info.tags);
    std::vector<std::pair<std::string, std::string>> facts{
        {"Kind", std::string(methodKindName(info.kind))},
        {"Status", fmt::format("{}: {}", methodStatusName(info.status), methodStatusMeaning(info.status))},
        {"Paper", info.paper},
        {"Changes", joined(taxonomy.changes)},
        {"Principle", joined(taxonomy.principles)},
        {"Scope", joined(taxonomy.scopes)},
        {"Other tags", joined(taxonomy.others)},
        {"Needs", methodNeeds(info)},
        {"Cost", info.cost},
        {"Version", info.version},
        {"Comes from", info.origin},
    };
    std::erase_if(facts, [](const auto &fact) { return fact.second.empty(); });
    return facts;
}

std::string parameterLimits(const Parameter &parameter) {
    switch (parameter.type) {
    case Parameter::Type::Boolean:
        return "yes or no";
    case Parameter::Type::Integer:
        return fmt::format("whole numbers from {} to {}", significant(parameter.minimum, 10),
                           significant(parameter.maximum, 10));
    case Parameter::Type::Number:
        return fmt::format("{} to {}", significant(parameter.minimum), significant(parameter.maximum));
    case Parameter::Type::Choice:
        return "one of " + joined(parameter.choices);
    }
    return {};
}

bool matchesMethod(const MethodInfo &info, const std::string &words) {
    const std::string text = lowered(fmt::format(
        "{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}", info.id, info.name, info.summary, info.paper,
        methodKindName(info.kind), methodStatusName(info.status), info.origin, joined(info.tags)));
    std::istringstream stream(lowered(words));
    for (std::string word; stream >> word;)
        if (text.find(word) == std::string::npos)
            return false;
    return true;
}

} // namespace qs
