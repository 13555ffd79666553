#pragma once

#include "core/quant/correction.h"
#include "core/quant/quantizer.h"

#include <optional>
#include <set>

namespace qs {

/// A method with its parameters; defaults are filled in at the run.
struct MethodChoice {
    std::string method;
    nlohmann::json parameters = nlohmann::json::object();

    bool operator==(const MethodChoice &) const = default;
};

/// What to do with a layer's weight.
struct WeightChoice {
    std::string method = "rtn";
    WeightGridScheme scheme;
    nlohmann::json parameters =
        nlohmann::json::object();         ///< of the method; defaults are filled in at the run
    std::optional<MethodChoice> branch{}; ///< splits the weight; `method` quantizes what it leaves
    std::set<Correction> corrections{};   ///< of the layer's output

    bool corrects(Correction kind) const { return corrections.contains(kind); }

    bool operator==(const WeightChoice &) const = default;
};

/// How the scale of an activation is found.
enum class ActivationScale {
    Static, ///< one for the tensor, from calibration
    Token,  ///< one a token (row of channels), from the token itself; symmetric
    Cross,  ///< CrossQuant: of a token and of a channel of the batch, multiplied; symmetric
    Region, ///< one for values from 0 on and a finer one below 0, from calibration (see region_grid.h)
};
std::string_view activationScaleName(ActivationScale scale); ///< "static", "token", "cross", "region"
Result<ActivationScale> activationScaleFromName(std::string_view name);

/// What to do with the activation that enters a layer.
struct ActivationChoice {
    GridScheme grid{8, GridConvention::Asymmetric, {}, RoundingMode::HalfEven};
    ActivationScale scale = ActivationScale::Static;
    double alpha = 0.15; ///< Cross only: exponent of the token's share, 1 = Token

    bool operator==(const ActivationChoice &) const = default;
};

/// What to do with one layer; an absent choice keeps it in float.
struct LayerChoice {
    std::optional<WeightChoice> weight;
    std::optional<ActivationChoice> activation;

    bool operator==(const LayerChoice &) const = default;
};

/// Whether a text can be the pattern of a rule: an ECMAScript regular expression without back-references.
/// \error InvalidArgument  says what is wrong with it
Status checkLayerPattern(const std::string &pattern);

/// Applies a choice to the layers whose name matches an ECMAScript regular expression (full match).
struct RecipeRule {
    std::string layers = ".*";
    LayerChoice choice;

    bool operator==(const RecipeRule &) const = default;
};

/// Changes what enters the layers whose names match (all that read one tensor must), before anything is
/// quantized. The function of the float model stays.
struct TransformStep {
    std::string layers = ".*";
    MethodChoice method;

    bool operator==(const TransformStep &) const = default;
};

/// Which layer is quantized how. Transforms are applied one after the other, then rules are tried in order,
/// the last that matches a layer wins.
struct Recipe {
    std::string name;
    std::uint64_t seed = 0;
    std::vector<TransformStep> transforms;
    std::vector<RecipeRule> rules;

    bool operator==(const Recipe &) const = default;

    /// \error InvalidArgument  a pattern is not a regular expression, or a value is out of range; names the
    /// path
    Status validate() const;
    /// The choice for a layer; both absent when no rule matches. The recipe must be valid.
    LayerChoice choiceFor(const std::string &layerName) const;

    /// Everything that fromJson needs to give an equal recipe; settings that a rule does not use appear only
    /// when they differ from their default.
    nlohmann::ordered_json toJson() const;
    /// Keys with a default may be missing: all but quantoscope-recipe (the version, 1), rules, layers,
    /// method, bits. \error InvalidArgument  unknown key, missing key, wrong type or a value out of range;
    /// `where` is the path
    ///                         ("rules[1].weight.bits")
    static Result<Recipe> fromJson(const nlohmann::json &json);
};

/// A name made of what the first rule does: "w4a8-gptq-g64"; "-mixed" when others follow, "float" when it
/// does nothing.
std::string suggestedName(const Recipe &recipe);

/// A recipe with one rule for all layers, the starting point of editors: `weights` and, if given,
/// activations. An empty name becomes the suggested one.
Recipe uniformRecipe(std::string name, WeightChoice weights, std::optional<ActivationChoice> activations);

} // namespace qs
