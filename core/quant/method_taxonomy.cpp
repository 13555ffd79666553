#include "core/quant/method_taxonomy.h"

#include <algorithm>

namespace qs {

const std::vector<TaxonomyTerm> &taxonomyTerms() {
    using enum TaxonomyQuestion;
    static const std::vector<TaxonomyTerm> terms = {
        {Changes, "grid", "scales, zero points or the values that codes stand for"},
        {Changes, "rounding", "which of the grid's values a weight gets"},
        {Changes, "transform", "what enters layers, and the layers back, before anything is quantized"},
        {Changes, "branch", "adds a small part in high precision beside the codes"},
        {Changes, "correction", "biases or norms, after weights were quantized"},
        {Changes, "activation", "how activations are quantized"},
        {Changes, "data", "the data that other methods learn from"},
        {Principle, "compensation", "later weights make up for the error of earlier ones"},
        {Principle, "optimisation", "a loss is minimised step by step"},
        {Principle, "rotation", "orthogonal matrices spread outliers over channels"},
        {Principle, "salience", "weights that matter for the output are treated with more care"},
        {Principle, "low-rank", "the error is approximated by a product of thin matrices"},
        {Principle, "equalization", "ranges move from activations to weights or between layers"},
        {Principle, "sparse", "few weights are kept apart"},
        {Principle, "codebook", "values come from a learned or designed table"},
        {Principle, "search", "candidates are tried and the best is kept"},
        {Scope, "weight-only", "activations stay in float"},
        {Scope, "weight-activation", "made for quantized activations, too"},
    };
    return terms;
}

Taxonomy taxonomyOf(const std::vector<std::string> &tags) {
    Taxonomy taxonomy;
    for (const std::string &tag : tags) {
        const auto &terms = taxonomyTerms();
        const auto term = std::find_if(terms.begin(), terms.end(),
                                       [&](const TaxonomyTerm &other) { return other.tag == tag; });
        auto &group = term == terms.end()                             ? taxonomy.others
                      : term->question == TaxonomyQuestion::Changes   ? taxonomy.changes
                      : term->question == TaxonomyQuestion::Principle ? taxonomy.principles
                                                                      : taxonomy.scopes;
        group.push_back(tag);
    }
    return taxonomy;
}

} // namespace qs
