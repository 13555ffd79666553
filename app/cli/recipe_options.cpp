#include "app/cli/recipe_options.h"

#include "app/cli/exit_code.h"
#include "core/base/json_text.h"
#include "core/quant/accepted_scheme.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fmt/format.h>

namespace qs::app {
namespace {

const std::vector<std::string> kConventions{"asymmetric", "s1", "s2", "s3"};
const std::vector<std::string> kRanges{"minmax", "percentile", "mse", "kl"};
constexpr const char *kMethodType = "ID[:KEY=VALUE,...]";

/// A recipe that quantizes nothing is a mistake in its patterns.
Status checkLayers(const Recipe &recipe, const Model &model) {
    for (const Layer &layer : model.layers) {
        const LayerChoice choice = recipe.choiceFor(layer.name);
        if (choice.weight || choice.activation)
            return {};
    }
    std::string patterns;
    for (const RecipeRule &rule : recipe.rules)
        patterns += (patterns.empty() ? "'" : ", '") + rule.layers + "'";
    return fail(
        ErrorCode::InvalidArgument,
        fmt::format("no layer of {} is quantized by the pattern {}. `qscope info` lists the {} layers; a "
                    "pattern must match the whole name.",
                    model.file.filename().string(), patterns.empty() ? "(none)" : patterns,
                    model.layers.size()));
}

/// `option` cannot be combined with those that were added as number `first` and later.
void excludeOptionsFrom(CLI::App &app, std::size_t first, CLI::Option &option) {
    const auto options = app.get_options();
    for (std::size_t i = first; i < options.size(); ++i)
        option.excludes(options[i]);
}

} // namespace

void RecipeOptions::addFileOnly(CLI::App &app) {
    app.add_option("--recipe", m_file, "A recipe (JSON), as `qscope quantize --save-recipe` writes it")
        ->type_name("FILE");
}

CLI::Option *RecipeOptions::addFile(CLI::App &app) {
    return app.add_option("--recipe", m_file, "A recipe (JSON) instead of the options below")
        ->type_name("FILE")
        ->group("Recipe");
}

void RecipeOptions::addWeightsOnly(CLI::App &app) {
    CLI::Option *file = addFile(app);
    const std::size_t before = app.get_options().size();
    addWeights(app);
    excludeOptionsFrom(app, before, *file);
    const auto options = app.get_options();
    m_options.assign(options.begin() + static_cast<std::ptrdiff_t>(before), options.end());
}

void RecipeOptions::addWeights(CLI::App &app) {
    const auto group = "Weights";
    app.add_option("--method", m_method, "Method id; `qscope plugins list` shows all")
        ->capture_default_str()
        ->type_name("ID")
        ->group(group);
    app.add_option("--granularity", m_granularity, "Which weights share a scale: tensor, channel or group")
        ->check(CLI::IsMember({"tensor", "channel", "group"}))
        ->capture_default_str()
        ->type_name("NAME")
        ->group(group);
    app.add_option("--group-size", m_groupSize, "Inputs per group, with --granularity group")
        ->check(CLI::Range(std::int64_t{2}, std::int64_t{1} << 20))
        ->capture_default_str()
        ->type_name("N")
        ->group(group);
    app.add_option("--convention", m_convention,
                   "asymmetric, or symmetric: s1 (offset), s2 (restricted), s3 (full)")
        ->check(CLI::IsMember(kConventions))
        ->capture_default_str()
        ->type_name("NAME")
        ->group(group);
    app.add_option("--range", m_range, "How the range is chosen: minmax, percentile, mse or kl")
        ->check(CLI::IsMember(kRanges))
        ->capture_default_str()
        ->type_name("RULE")
        ->group(group);
    app.add_option("--percentile", m_percentile, "For the range rule percentile, in percent")
        ->check(CLI::Range(50.0, 100.0))
        ->capture_default_str()
        ->type_name("P")
        ->group(group);
    app.add_flag("--scale-float16", m_scaleAsFloat16, "Store scales as float16")->group(group);
    app.add_option("--param", m_parameters, "A parameter of the method, as key=value; may be repeated")
        ->type_name("KEY=VALUE")
        ->group(group);
    app.add_option("--branch", m_branch, "Split the weight: a low-rank branch beside what --method quantizes")
        ->type_name(kMethodType)
        ->group(group);
}

void RecipeOptions::add(CLI::App &app) {
    CLI::Option *file = addFile(app);
    const std::size_t before = app.get_options().size();
    app.add_option("--transform", m_transforms,
                   "Change what enters layers first; may be repeated, applied in that order")
        ->type_name(kMethodType)
        ->allow_extra_args(false)
        ->group("Recipe");
    app.add_option(
           "--bits", m_bits,
           "Bits of a weight; a method that takes other bits only brings its own (q4_k: 4, bitdelta: 1)")
        ->check(CLI::Range(1, 8))
        ->capture_default_str()
        ->type_name("N")
        ->group("Weights");
    addWeights(app);
    for (const CorrectionInfo &correction : corrections())
        app.add_flag(fmt::format("--{}", correction.id), m_corrections[correction.kind],
                     std::string(correction.summary))
            ->group("Weights");
    addActivations(app);
    app.add_option("--layers", m_layers, "Only layers whose whole name matches this regular expression")
        ->capture_default_str()
        ->type_name("REGEX")
        ->group("Recipe");
    app.add_option("--seed", m_seed, "For methods that draw random numbers")
        ->capture_default_str()
        ->type_name("N")
        ->group("Recipe");
    excludeOptionsFrom(app, before, *file);
    const auto options = app.get_options();
    m_options.assign(options.begin() + static_cast<std::ptrdiff_t>(before), options.end());
}

bool RecipeOptions::isGiven() const {
    return isFileGiven() ||
           std::ranges::any_of(m_options, [](const CLI::Option *option) { return option->count() > 0; });
}

void RecipeOptions::addActivations(CLI::App &app) {
    const auto group = "Activations";
    CLI::Option *type =
        app.add_option("--activations", m_activations, "Quantize layer inputs too: none or int2 to int8");
    type->check(CLI::IsMember({"none", "int2", "int3", "int4", "int5", "int6", "int7", "int8"}))
        ->capture_default_str()
        ->type_name("TYPE")
        ->group(group);
    app.add_option("--activation-range", m_activationRange,
                   "minmax, percentile, mse or kl; static scales only")
        ->check(CLI::IsMember(kRanges))
        ->capture_default_str()
        ->type_name("RULE")
        ->group(group);
    app.add_option(
           "--activation-convention", m_activationConvention,
           "asymmetric, s1, s2 or s3 (default: asymmetric; s2 for scales of tokens, which are symmetric)")
        ->check(CLI::IsMember(kConventions))
        ->type_name("NAME")
        ->group(group);
    CLI::Option *scale = app.add_option(
        "--activation-scale", m_activationScale,
        "static: from calibration; token: of every token; cross: CrossQuant, token and channel; region: a "
        "finer one below 0, from calibration");
    scale->check(CLI::IsMember({"static", "token", "cross", "region"}))
        ->capture_default_str()
        ->type_name("NAME")
        ->needs(type)
        ->group(group);
    app.add_option("--alpha", m_alpha, "CrossQuant's exponent of the token's share; 1 = token")
        ->check(CLI::Range(0.0, 1.0))
        ->capture_default_str()
        ->type_name("A")
        ->needs(scale)
        ->group(group);
}

Result<Recipe> RecipeOptions::recipe(const Model &model, const MethodRegistry &methods) const {
    const bool given = !m_file.empty();
    auto recipe = given ? fromFile() : fromOptions();
    if (!recipe)
        return recipe;
    Status valid = recipe->validate();
    if (valid)
        valid = checkMethods(*recipe, methods);
    if (valid && !given) {
        adaptScheme(*recipe->rules.front().choice.weight, model, methods);
        recipe->name = suggestedName(*recipe);
    }
    if (valid)
        valid = checkLayers(*recipe, model);
    if (!valid)
        return fail(given ? inInputFile(std::move(valid).error().withContext(m_file.string()))
                          : std::move(valid).error());
    return recipe;
}

Result<Recipe> RecipeOptions::weightsRecipe(const Model &model, const MethodRegistry &methods) const {
    if (isFileGiven())
        return recipe(model, methods);
    QS_TRY(const WeightChoice choice, weightChoice());
    Recipe recipe = uniformRecipe({}, choice, {});
    QS_CHECK_OK(checkMethods(recipe, methods));
    adaptScheme(*recipe.rules.front().choice.weight, model, methods);
    recipe.name = suggestedName(recipe);
    return recipe;
}

bool RecipeOptions::isAsked(const char *option) const {
    return std::ranges::any_of(
        m_options, [&](const CLI::Option *each) { return each->get_name() == option && each->count() > 0; });
}

void RecipeOptions::adaptScheme(WeightChoice &choice, const Model &model,
                                const MethodRegistry &methods) const {
    const auto method = methods.find(choice.method);
    if (!method)
        return;
    const auto parameters = method->schema().complete(choice.parameters);
    if (!parameters)
        return;
    std::set<WeightExtent> weights;
    for (const Layer &layer : model.layers)
        weights.insert({layer.outChannels, layer.inPerOut, layer.groups});
    const AskedScheme asked{isAsked("--bits"), isAsked("--convention"), isAsked("--granularity"),
                            isAsked("--group-size"), isAsked("--scale-float16")};
    const std::vector<WeightExtent> list(weights.begin(), weights.end());
    choice.scheme = acceptedScheme(*method, *parameters, choice.scheme, list, asked).value_or(choice.scheme);
}

Result<Recipe> RecipeOptions::fromFile() const {
    QS_TRY(const nlohmann::json document, readJsonFile(m_file));
    auto recipe = Recipe::fromJson(document);
    if (!recipe)
        return fail(inInputFile(std::move(recipe).error().withContext(m_file.string())));
    return recipe;
}

Result<Recipe> RecipeOptions::fromOptions() const {
    QS_TRY(const WeightChoice weight, weightChoice());
    QS_TRY(const std::optional<ActivationChoice> activation, activationChoice());
    Recipe recipe = uniformRecipe({}, weight, activation);
    recipe.seed = m_seed;
    recipe.rules.front().layers = m_layers;
    for (const std::string &text : m_transforms) {
        QS_TRY(MethodChoice method, methodChoice(text));
        recipe.transforms.push_back({m_layers, std::move(method)});
    }
    return recipe;
}

Result<WeightChoice> RecipeOptions::weightChoice() const {
    WeightChoice choice;
    choice.method = m_method;
    choice.scheme.grid.bits = m_bits;
    QS_TRY(choice.scheme.grid.convention, gridConventionFromName(m_convention));
    QS_TRY(choice.scheme.grid.rule.kind, rangeRuleFromName(m_range));
    choice.scheme.grid.rule.percentile = m_percentile;
    QS_TRY(choice.scheme.granularity, granularityFromName(m_granularity));
    choice.scheme.groupSize = m_groupSize;
    choice.scheme.scaleAsFloat16 = m_scaleAsFloat16;
    QS_TRY(choice.parameters, keyValueObject(m_parameters));
    if (!m_branch.empty()) {
        QS_TRY(choice.branch, methodChoice(m_branch));
    }
    for (const auto &[kind, wanted] : m_corrections)
        if (wanted)
            choice.corrections.insert(kind);
    return choice;
}

Result<std::optional<ActivationChoice>> RecipeOptions::activationChoice() const {
    if (m_activations == "none")
        return std::optional<ActivationChoice>();
    ActivationChoice choice;
    choice.grid.bits = m_activations.back() - '0';
    QS_TRY(choice.scale, activationScaleFromName(m_activationScale));
    choice.alpha = m_alpha;
    const bool fromToken = choice.scale == ActivationScale::Token || choice.scale == ActivationScale::Cross;
    QS_TRY(choice.grid.convention,
           gridConventionFromName(!m_activationConvention.empty() ? m_activationConvention
                                  : fromToken                     ? "s2"
                                                                  : "asymmetric"));
    QS_TRY(choice.grid.rule.kind, rangeRuleFromName(m_activationRange));
    choice.grid.rule.percentile = m_percentile;
    return std::optional(choice);
}

} // namespace qs::app
