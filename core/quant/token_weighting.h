#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

namespace qs {

/// What makes a token important.
enum class TokenImportance {
    Equal,     ///< nothing: all count alike
    Attention, ///< attention that it receives: probabilities summed over heads and queries
    Norm,      ///< length of the activation
    First,     ///< to be among the first tokens of its sequence
};

/// How much the tokens of a sequence count in a Hessian.
struct TokenWeighting {
    TokenImportance importance = TokenImportance::Equal;
    double smallest = 1; ///< of the least important token before scaling, (0, 1]; the most important has 1
    double exponent = 1; ///< of the importance between smallest and 1
    std::int64_t firstTokens = 0; ///< TokenImportance::First

    auto operator<=>(const TokenWeighting &) const = default;
};

/// Weights of the tokens of one sequence: importances are moved linearly to [smallest, 1], raised to the
/// exponent and scaled, so that the weights sum to the number of tokens. Equal importances give exactly 1
/// each. \param importance  [tokens], finite \param visible     [tokens], 0 = padding, which gets 0 and is
/// not counted; empty = no padding \source RSQ, Sung et al. 2025, arXiv:2503.01820, as its code does it;
/// methods A, A12
std::vector<double> tokenWeights(std::span<const double> importance, const TokenWeighting &weighting,
                                 std::span<const std::uint8_t> visible = {});

} // namespace qs
