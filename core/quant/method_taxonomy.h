#pragma once

#include <string>
#include <vector>

namespace qs {

/// The three questions by which methods are sorted. Answers are tags of MethodInfo.
enum class TaxonomyQuestion {
    Changes,   ///< what does it change?
    Principle, ///< by what idea?
    Scope,     ///< of weights alone, or of weights and activations?
};

/// A tag with a meaning that all methods share.
struct TaxonomyTerm {
    TaxonomyQuestion question;
    std::string tag, meaning;
};
/// Every tag that answers a question, in the order in which lists show them.
const std::vector<TaxonomyTerm> &taxonomyTerms();

/// The tags of a method, sorted by the question that they answer.
struct Taxonomy {
    std::vector<std::string> changes, principles, scopes;
    std::vector<std::string> others; ///< tags that answer none, as they are
};
Taxonomy taxonomyOf(const std::vector<std::string> &tags);

} // namespace qs
