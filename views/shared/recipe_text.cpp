#include "views/shared/recipe_text.h"

#include "views/shared/format_text.h"

#include <QCoreApplication>

namespace qs::views {
namespace {

QString tr(const char *text) {
    return QCoreApplication::translate("qs::views::RecipeText", text);
}

/// "asymmetric", "symmetric S2".
QString shortConvention(GridConvention convention) {
    return convention == GridConvention::Asymmetric
               ? tr("asymmetric")
               : tr("symmetric %1").arg(QString::fromLatin1(gridConventionName(convention).data()).toUpper());
}

QString granularityText(const WeightGridScheme &scheme) {
    switch (scheme.granularity) {
    case Granularity::PerTensor:
        return tr("per tensor");
    case Granularity::PerChannel:
        return tr("per channel");
    case Granularity::PerGroup:
        return tr("groups of %1").arg(scheme.groupSize);
    }
    return {};
}

} // namespace

QString conventionText(GridConvention convention) {
    switch (convention) {
    case GridConvention::Asymmetric:
        return tr("Asymmetric");
    case GridConvention::SymmetricOffset:
        return tr("Symmetric S1 (offset codes)");
    case GridConvention::SymmetricRestricted:
        return tr("Symmetric S2 (restricted)");
    case GridConvention::SymmetricFull:
        return tr("Symmetric S3 (full range)");
    }
    return {};
}

QString conventionToolTip(GridConvention convention) {
    switch (convention) {
    case GridConvention::Asymmetric:
        return tr("scale = (hi − lo) / (2ᵇ − 1), with a zero point; codes 0 … 2ᵇ − 1. Uses the whole range "
                  "of skewed "
                  "values such as activations after ReLU.");
    case GridConvention::SymmetricOffset:
        return tr("scale = 2·max|x| / (2ᵇ − 1), zero point fixed at 2ᵇ⁻¹; codes 0 … 2ᵇ − 1. As in the GPTQ "
                  "and SpQR "
                  "code.");
    case GridConvention::SymmetricRestricted:
        return tr("scale = max|x| / (2ᵇ⁻¹ − 1), zero point 0; codes −(2ᵇ⁻¹ − 1) … 2ᵇ⁻¹ − 1. As in "
                  "SmoothQuant and ONNX "
                  "Runtime weights.");
    case GridConvention::SymmetricFull:
        return tr("scale = max|x| / 2ᵇ⁻¹, zero point 0; codes −2ᵇ⁻¹ … 2ᵇ⁻¹ − 1. Uses all codes; the largest "
                  "positive "
                  "value is clipped by one step.");
    }
    return {};
}

QString rangeRuleText(const RangeRule &rule) {
    switch (rule.kind) {
    case RangeRule::Kind::MinMax:
        return tr("min-max");
    case RangeRule::Kind::Percentile:
        return tr("percentile %1").arg(formatNumber(rule.percentile, 6));
    case RangeRule::Kind::Mse:
        return tr("MSE search");
    case RangeRule::Kind::Kl:
        return tr("KL");
    }
    return {};
}

QString parametersText(const MethodChoice &choice, const MethodRegistry &methods) {
    const ParameterSchema *schema = methods.schema(choice.method);
    const nlohmann::json defaults = schema ? schema->defaults() : nlohmann::json::object();
    QStringList parts;
    for (const auto &[name, value] : choice.parameters.items()) {
        if (defaults.contains(name) && defaults[name] == value)
            continue;
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        parts << QStringLiteral("%1 %2").arg(QString::fromStdString(name), QString::fromStdString(text));
    }
    return parts.join(QStringLiteral(", "));
}

QString activationText(const ActivationChoice &activation) {
    const QString bits = tr("A%1").arg(activation.grid.bits);
    switch (activation.scale) {
    case ActivationScale::Static:
        return tr("%1 %2").arg(bits, rangeRuleText(activation.grid.rule));
    case ActivationScale::Token:
        return tr("%1 per token").arg(bits);
    case ActivationScale::Region:
        return tr("%1 in two regions").arg(bits);
    case ActivationScale::Cross:
        return tr("%1 CrossQuant α %2").arg(bits, formatNumber(activation.alpha, 3));
    }
    return {};
}

QString choiceText(const LayerChoice &choice) {
    QString text = tr("float weights");
    if (choice.weight) {
        text = tr("%1 %2 bit %3, %4, %5")
                   .arg(QString::fromStdString(choice.weight->method).toUpper())
                   .arg(choice.weight->scheme.grid.bits)
                   .arg(granularityText(choice.weight->scheme),
                        shortConvention(choice.weight->scheme.grid.convention),
                        rangeRuleText(choice.weight->scheme.grid.rule));
        if (choice.weight->branch)
            text += tr(", branch %1").arg(QString::fromStdString(choice.weight->branch->method).toUpper());
        for (const CorrectionInfo &correction : corrections())
            if (choice.weight->corrects(correction.kind))
                text += QStringLiteral(", ") + QString::fromUtf8(correction.name).toLower();
    }
    if (choice.activation)
        text += tr("; %1").arg(activationText(*choice.activation));
    return text;
}

RecipeEstimate estimateRecipe(const Recipe &recipe, const Model &model) {
    RecipeEstimate estimate;
    estimate.layers = static_cast<int>(model.layers.size());
    double bits = 0, weights = 0;
    for (const Layer &layer : model.layers) {
        const LayerChoice choice = recipe.choiceFor(layer.name);
        const auto parameters = static_cast<double>(layer.parameters());
        estimate.quantizedLayers += choice.weight ? 1 : 0;
        estimate.quantizedActivations += choice.activation && layer.kind != LayerKind::Embedding ? 1 : 0;
        bits += parameters *
                (choice.weight ? plannedWeightBits(choice.weight->scheme, layer.outChannels, layer.inPerOut)
                               : 32.0);
        weights += parameters;
    }
    if (weights > 0)
        estimate.bitsPerWeight = bits / weights;
    return estimate;
}

} // namespace qs::views
