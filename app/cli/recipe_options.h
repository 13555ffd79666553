#pragma once

#include "app/cli/command.h"
#include "app/cli/method_options.h"
#include "core/graph/model.h"

#include <filesystem>

namespace qs::app {

/// --recipe FILE, or the options that make a recipe with one rule.
class RecipeOptions {
public:
    RecipeOptions() = default;
    /// As if --recipe FILE had been given.
    explicit RecipeOptions(std::filesystem::path file) : m_file(std::move(file)) {}
    void add(CLI::App &app);
    /// Only --recipe; see isFileGiven().
    void addFileOnly(CLI::App &app);
    bool isFileGiven() const { return !m_file.empty(); }
    /// Whether the user said anything of what add() offers; without, the defaults make a recipe.
    bool isGiven() const;
    /// Only what describes the grid and method of weights (no activations, layers, bits), or --recipe.
    void addWeightsOnly(CLI::App &app);

    /// \error InvalidArgument  an option is wrong, a pattern matches no layer
    /// \error CorruptFile      the recipe file is; names the JSON path
    Result<Recipe> recipe(const Model &model, const MethodRegistry &methods) const;
    /// What addWeightsOnly() says, for all layers; or the recipe of the file. Errors as above. Both give a
    /// method that takes other schemes only the nearest one that leaves what was asked for.
    Result<Recipe> weightsRecipe(const Model &model, const MethodRegistry &methods) const;
    /// The file of --recipe as it is, for commands that know no layers. \error CorruptFile
    Result<Recipe> fromFile() const;

private:
    CLI::Option *addFile(CLI::App &app);
    void addWeights(CLI::App &app);
    void addActivations(CLI::App &app);
    Result<Recipe> fromOptions() const;
    Result<WeightChoice> weightChoice() const;
    Result<std::optional<ActivationChoice>> activationChoice() const;
    void adaptScheme(WeightChoice &choice, const Model &model, const MethodRegistry &methods) const;
    bool isAsked(const char *option) const;

    std::filesystem::path m_file;
    std::string m_method = "rtn", m_granularity = "channel", m_convention = "asymmetric", m_range = "minmax";
    std::string m_activations = "none", m_activationRange = "minmax", m_activationScale = "static";
    std::string m_activationConvention; ///< empty: as the scale asks for
    std::string m_layers = ".*", m_branch;
    std::vector<std::string> m_parameters, m_transforms;
    int m_bits = 8;
    std::int64_t m_groupSize = 64;
    double m_percentile = 99.99, m_alpha = ActivationChoice{}.alpha;
    std::uint64_t m_seed = 0;
    bool m_scaleAsFloat16 = false;
    std::map<Correction, bool> m_corrections;
    std::vector<const CLI::Option *> m_options; ///< that make a recipe with one rule
};

} // namespace qs::app
